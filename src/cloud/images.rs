//! Images and instance types that a region offers.

use aws_sdk_ec2::types::Filter;

use crate::line::{ImageChoice, Region};

use super::failure::{Failure, FailureKind};
use super::sdk_error::failure;
use super::session::Cloud;

/// A machine image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// EC2's id, valid in one region.
    pub id: String,
    /// Its publisher's name for it.
    pub name: String,
    /// Device name of its root volume.
    pub root_device: String,
}

impl Cloud {
    /// The image that a choice means in a region: the newest one that fits and is for `x86_64`.
    pub async fn newest_image(
        &self,
        region: &Region,
        choice: &ImageChoice,
    ) -> Result<Image, Failure> {
        let filter = |name: &str, value: &str| Filter::builder().name(name).values(value).build();
        let asked = self.ec2(region).describe_images();
        let asked = asked
            .filters(filter("architecture", "x86_64"))
            .filters(filter("state", "available"));
        let (asked, what) = match choice {
            ImageChoice::Id(id) => (asked.image_ids(id), id.clone()),
            ImageChoice::Newest { owner, pattern, .. } => {
                let asked = asked.owners(owner).filters(filter("name", pattern));
                (asked, format!("`{pattern}` of {owner}"))
            }
        };
        let answer = asked
            .send()
            .await
            .map_err(failure("ec2:DescribeImages", region.as_str()))?;
        let newest = answer
            .images()
            .iter()
            .max_by_key(|image| (image.creation_date(), image.name()));
        let image = newest.and_then(|image| {
            Some(Image {
                id: image.image_id()?.to_owned(),
                name: image.name().unwrap_or_default().to_owned(),
                root_device: image.root_device_name()?.to_owned(),
            })
        });
        image.ok_or_else(|| {
            Failure::new(
                "ec2:DescribeImages",
                region.as_str(),
                FailureKind::NotFound(format!("no available x86_64 image is {what}")),
            )
        })
    }

    /// The `x86_64` instance types that the account is offered free in a region, in alphabetical order.
    pub async fn free_types(&self, region: &Region) -> Result<Vec<String>, Failure> {
        let filter = |name: &str, value: &str| Filter::builder().name(name).values(value).build();
        let asked = self.ec2(region).describe_instance_types();
        let asked = asked
            .filters(filter("free-tier-eligible", "true"))
            .filters(filter("processor-info.supported-architecture", "x86_64"));
        let mut pages = asked.into_paginator().send();
        let mut types = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(failure("ec2:DescribeInstanceTypes", region.as_str()))?;
            types.extend(
                page.instance_types()
                    .iter()
                    .filter_map(|kind| kind.instance_type().map(|name| name.as_str().to_owned())),
            );
        }
        types.sort();
        Ok(types)
    }
}
