//! Tests: whatever comes and goes in whatever order, no permit is lost and none is doubled.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::sleep;

use super::permit::Turnstile;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn permits_are_never_lost_nor_doubled(
        permits in 1_u32..5,
        queue in 0_u32..20,
        steps in prop::collection::vec((0_u8..4, 0_u8..5, 0_u64..50), 1..150),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let (most, end, again) = runtime.block_on(run(permits, queue, steps));
        prop_assert!(most <= usize::try_from(permits).unwrap());
        prop_assert_eq!(end, (0, 0));
        prop_assert_eq!(again, permits);
    }
}

/// Lets requests of five tenants come (or be dropped), and tells the most permits in use, what is left at the end, and
/// how many permits can be had then.
async fn run(permits: u32, queue: u32, steps: Vec<(u8, u8, u64)>) -> (usize, (usize, usize), u32) {
    let turnstile = Turnstile::new(permits, queue);
    let mut tasks: Vec<JoinHandle<()>> = Vec::new();
    let mut most = 0;
    for (step, tenant, time) in steps {
        if step == 0 && !tasks.is_empty() {
            let goes = usize::from(tenant) % tasks.len();
            tasks.swap_remove(goes).abort();
        } else {
            let turnstile = Arc::clone(&turnstile);
            let tenant = Arc::<str>::from(tenant.to_string());
            tasks.push(tokio::spawn(async move {
                let permit = turnstile.permit(&tenant, Duration::from_millis(60)).await;
                sleep(Duration::from_millis(time)).await;
                drop(permit);
            }));
        }
        if step == 3 {
            sleep(Duration::from_millis(time / 3)).await;
        }
        for _ in 0..20 {
            yield_now().await;
        }
        most = most.max(turnstile.load().0);
    }
    sleep(Duration::from_secs(10)).await;
    let end = turnstile.load();
    let tenant = Arc::<str>::from("last");
    let mut held = Vec::new();
    while let Ok(permit) = turnstile.permit(&tenant, Duration::from_millis(1)).await {
        held.push(permit);
    }
    (most, end, u32::try_from(held.len()).unwrap())
}
