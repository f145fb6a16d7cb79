//! What a plan's line costs in a month, and whether that is more than was agreed to.

use crate::cost::{Bill, Usd, bill, smaller_lines};
use crate::line::{Profile, Region, Slot};

use super::context::Context;
use super::fleet::{Filling, Fleet};
use super::refusal::Refusal;
use super::step::{Action, Plan};

/// The month of the line as the plan leaves it.
pub(super) fn bill_of(plan: &Plan, context: &Context<'_>, fleet: &Fleet<'_>) -> Bill {
    let profile = &context.wanted.profile;
    let nodes: Vec<(Region, String)> = fleet
        .slots
        .iter()
        .filter(|(slot, _)| !slot.is_brought())
        .map(|(slot, filling)| {
            let kind = match filling {
                Filling::Kept(instance, _) | Filling::Stuck(instance, _) => {
                    Some(instance.instance_type.clone())
                }
                Filling::Vacant(..) => launched_type(plan, slot),
                Filling::Unseen => None,
            };
            let likely = || profile.nodes.instance_types[0].clone();
            (slot.region.clone(), kind.unwrap_or_else(likely))
        })
        .collect();
    Bill {
        account_plan: context.observed.account_plan,
        smaller: smaller_lines(profile, &context.wanted.prices),
        ..bill(profile, &nodes, &context.wanted.prices)
    }
}

/// Refuses a plan whose line costs more than the profile's budget, or of which that cannot be known.
pub fn within_budget(profile: &Profile, plan: &Plan) -> Result<(), Refusal> {
    let budget = profile.budget.month_usd;
    let Some(bill) = plan.bill.as_ref().filter(|_| budget > 0) else {
        return Ok(());
    };
    if !bill.unknown.is_empty() {
        return Err(Refusal::UnknownPrice {
            kinds: bill.unknown.clone(),
        });
    }
    let budget = Usd::from_cents(budget.saturating_mul(100));
    if bill.total > budget {
        let mut within = bill.smaller.iter().filter(|line| line.total <= budget);
        return Err(Refusal::OverBudget {
            total: bill.total,
            budget,
            smaller: within.next_back().cloned(),
        });
    }
    Ok(())
}

fn launched_type(plan: &Plan, slot: &Slot) -> Option<String> {
    plan.steps.iter().find_map(|step| match &step.action {
        Action::Launch { order, .. } if order.slot == *slot => Some(order.instance_type.clone()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::Prices;

    fn plan(budget: u64, kind: &str) -> Result<(), Refusal> {
        let mut profile = Profile::default();
        profile.budget.month_usd = budget;
        let nodes: Vec<(Region, String)> = profile
            .regions
            .iter()
            .map(|region| (region.clone(), kind.to_owned()))
            .collect();
        let mut plan = Plan::new(&profile.name);
        let prices = Prices::shipped();
        plan.bill = Some(Bill {
            smaller: smaller_lines(&profile, &prices),
            ..bill(&profile, &nodes, &prices)
        });
        within_budget(&profile, &plan)
    }

    #[test]
    fn a_line_above_its_budget_is_refused_and_one_at_it_is_not() {
        assert_eq!(plan(0, "t3.micro"), Ok(()));
        assert_eq!(plan(39, "t3.micro"), Ok(()));
        let refused = plan(38, "t3.micro").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the line would cost $38.61 a month, and its budget is $38.00"
        );
        assert_eq!(
            refused.hint(),
            "`--regions us-east-1,eu-west-1` would cost $24.56; or raise `budget.month_usd`"
        );
        let poorer = plan(20, "t3.micro").unwrap_err().hint();
        assert!(poorer.contains("`--regions us-east-1` would cost $11.88"));
        let poorest = plan(11, "t3.micro").unwrap_err().hint();
        assert!(
            poorest.starts_with("take regions or nodes out"),
            "{poorest}"
        );
    }

    #[test]
    fn a_price_that_is_not_known_is_within_no_budget() {
        let refused = plan(1000, "m5.large").unwrap_err().to_string();
        assert_eq!(
            refused,
            "there is a budget, and no price of m5.large is on record"
        );
        assert_eq!(plan(0, "m5.large"), Ok(()));
    }
}
