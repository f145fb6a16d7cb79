//! What CloudWatch knows of an instance's CPU, by the basic metrics that every instance has.

use aws_sdk_cloudwatch::types::{Datapoint, Dimension, Statistic};
use aws_smithy_types::DateTime;
use jiff::{SignedDuration, Timestamp};

use crate::line::{CpuSight, Region};

use super::failure::Failure;
use super::request::is_burstable;
use super::sdk_error::failure;
use super::session::Cloud;

/// Not `GetMetricData`, which is billed by the metric (CloudWatch pricing, "API requests").
const CALL: &str = "cloudwatch:GetMetricStatistics";
const NAMESPACE: &str = "AWS/EC2";
/// Basic monitoring has a step of five minutes (EC2 user guide, "Manage detailed monitoring"), in seconds.
const STEP: i32 = 300;
/// A step comes some minutes after its end; what is older than this says nothing of now.
const SPAN: SignedDuration = SignedDuration::from_mins(15);

impl Cloud {
    /// An instance's CPU in the newest step that CloudWatch has, and its CPU credits; `None` while it has none.
    pub async fn cpu(
        &self,
        region: &Region,
        id: &str,
        instance_type: &str,
        now: Timestamp,
    ) -> Result<Option<CpuSight>, Failure> {
        let used = self.newest(region, id, "CPUUtilization", now);
        let credits = async {
            if is_burstable(instance_type) {
                self.newest(region, id, "CPUCreditBalance", now).await
            } else {
                Ok(None)
            }
        };
        let (used, credits) = tokio::join!(used, credits);
        let (used, credits) = (used?, credits?);
        Ok(used.map(|(at, percent)| CpuSight {
            at,
            percent,
            credits: credits.map(|(_, credits)| credits),
        }))
    }

    /// The mean of a metric in its newest step, and when that step began.
    async fn newest(
        &self,
        region: &Region,
        id: &str,
        metric: &str,
        now: Timestamp,
    ) -> Result<Option<(Timestamp, f64)>, Failure> {
        let instance = Dimension::builder().name("InstanceId").value(id).build();
        let answer = self
            .cloudwatch(region)
            .get_metric_statistics()
            .namespace(NAMESPACE)
            .metric_name(metric)
            .dimensions(instance)
            .start_time(DateTime::from_secs((now - SPAN).as_second()))
            .end_time(DateTime::from_secs(now.as_second()))
            .period(STEP)
            .statistics(Statistic::Average)
            .send()
            .await
            .map_err(failure(CALL, region.as_str()))?;
        // They come in no order (API reference, `GetMetricStatistics`).
        let points = answer.datapoints().iter().filter_map(point);
        Ok(points.max_by_key(|(at, _)| *at))
    }
}

fn point(point: &Datapoint) -> Option<(Timestamp, f64)> {
    let at = Timestamp::from_second(point.timestamp()?.secs()).ok()?;
    Some((at, point.average()?))
}
