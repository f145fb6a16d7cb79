//! How much memory and how many vCPUs instance types have.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, InstanceTypeInfo};

use crate::line::Region;

use super::failure::Failure;
use super::sdk_error::failure;
use super::session::Cloud;

impl Cloud {
    /// The memory of instance types in a region, in MiB; types that there are none of there are left out.
    pub async fn memory_mib(
        &self,
        region: &Region,
        types: &[String],
    ) -> Result<BTreeMap<String, u32>, Failure> {
        let found = self.describe_types(region, types).await?;
        let memory = |kind: &InstanceTypeInfo| kind.memory_info()?.size_in_mib();
        Ok(figures(&found, memory))
    }

    /// The vCPUs of instance types in a region; types that there are none of there are left out.
    pub async fn vcpus(
        &self,
        region: &Region,
        types: &[String],
    ) -> Result<BTreeMap<String, u32>, Failure> {
        let found = self.describe_types(region, types).await?;
        let vcpus = |kind: &InstanceTypeInfo| kind.v_cpu_info()?.default_v_cpus().map(i64::from);
        Ok(figures(&found, vcpus))
    }

    async fn describe_types(
        &self,
        region: &Region,
        types: &[String],
    ) -> Result<Vec<InstanceTypeInfo>, Failure> {
        // As a filter: by name, one unknown type would have the whole call refused.
        let named = Filter::builder()
            .name("instance-type")
            .set_values(Some(types.to_vec()))
            .build();
        let asked = self.ec2(region).describe_instance_types().filters(named);
        let mut pages = asked.into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(failure("ec2:DescribeInstanceTypes", region.as_str()))?;
            found.extend(page.instance_types.unwrap_or_default());
        }
        Ok(found)
    }
}

fn figures(
    types: &[InstanceTypeInfo],
    figure: impl Fn(&InstanceTypeInfo) -> Option<i64>,
) -> BTreeMap<String, u32> {
    let named = |kind: &InstanceTypeInfo| {
        let name = kind.instance_type()?.as_str().to_owned();
        Some((name, figure(kind)?.try_into().ok()?))
    };
    types.iter().filter_map(named).collect()
}
