//! Splitting an amount into parts that add up exactly: largest remainder, in minor units.

use super::Share;

/// The parts of an amount by weight, one per share, in their order.
///
/// Every part is the exact part rounded toward zero; the minor units left over go one each to the
/// largest remainders, ties to the earlier share (callers sort owners by their key). A negative
/// amount is split by its absolute value. Weights are not negative and add up to less than 2^94;
/// where all are zero the parts are equal. No shares, no parts.
#[must_use]
pub fn split(amount: i128, shares: &[Share]) -> Vec<i128> {
    if shares.len() <= 1 {
        return vec![amount; shares.len()];
    }
    let total: u128 = shares.iter().map(|share| share.weight.unsigned_abs()).sum();
    let weight_of = |share: &Share| if total == 0 { 1 } else { share.weight.unsigned_abs() };
    let total = if total == 0 { shares.len() as u128 } else { total };

    let magnitude = amount.unsigned_abs();
    let mut parts: Vec<(u128, u128)> =
        shares.iter().map(|share| divide_product(magnitude, weight_of(share), total)).collect();
    let left = magnitude - parts.iter().map(|(part, _)| part).sum::<u128>();
    for _ in 0..left {
        // Remainders are below `total` and sum to `left` times it: there is one for each unit.
        let largest = parts.iter_mut().rev().max_by_key(|(_, remainder)| *remainder);
        if let Some((part, remainder)) = largest {
            *part += 1;
            *remainder = 0;
        }
    }
    parts.into_iter().map(|(part, _)| part.cast_signed() * amount.signum()).collect()
}

/// Bits of a digit of the long division.
const DIGIT: u32 = 32;

/// Quotient and remainder of `amount * weight / total`, for `weight <= total < 2^94`: where the
/// product does not fit, a long division in 32-bit digits.
fn divide_product(amount: u128, weight: u128, total: u128) -> (u128, u128) {
    if let Some(product) = amount.checked_mul(weight) {
        return (product / total, product % total);
    }
    let digits = [96, 64, 32, 0].map(|shift| (amount >> shift) & u128::from(u32::MAX));
    digits.into_iter().fold((0, 0), |(quotient, remainder), digit| {
        let part = (remainder << DIGIT) + digit * weight;
        ((quotient << DIGIT) + part / total, part % total)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shares(weights: &[i128]) -> Vec<Share> {
        weights.iter().zip(0..).map(|(weight, owner)| Share { owner, weight: *weight }).collect()
    }

    #[test]
    fn what_is_left_goes_to_the_largest_remainders() {
        // 100.01 by 60/40: 60.006 and 40.004.
        assert_eq!(split(100_01, &shares(&[6, 4])), [60_01, 40_00]);
        // A third of 1.00 each: the odd cent to the first.
        assert_eq!(split(1_00, &shares(&[1, 1, 1])), [34, 33, 33]);
        // 0.05 by 1/2, 1/4, 1/4: 2.5, 1.25, 1.25.
        assert_eq!(split(5, &shares(&[2, 1, 1])), [3, 1, 1]);
        // 0.07 by 1/6, 1/6, 4/6: 1.17, 1.17, 4.67.
        assert_eq!(split(7, &shares(&[1, 1, 4])), [1, 1, 5]);
        // 0.02 by 1/4 each: the first two.
        assert_eq!(split(2, &shares(&[1, 1, 1, 1])), [1, 1, 0, 0]);
    }

    #[test]
    fn negative_amounts_mirror_positive_ones() {
        assert_eq!(split(-1_00, &shares(&[1, 1, 1])), [-34, -33, -33]);
        assert_eq!(split(-5, &shares(&[1, 1])), [-3, -2]);
    }

    #[test]
    fn without_weights_parts_are_equal() {
        assert_eq!(split(5, &shares(&[0, 0])), [3, 2]);
        assert_eq!(split(5, &shares(&[0, 1])), [0, 5]);
        assert_eq!(split(5, &shares(&[0])), [5]);
        assert!(split(5, &[]).is_empty());
    }

    #[test]
    fn products_beyond_128_bits_stay_exact() {
        // Python: divmod((2**100 + 7) * (2**80 + 1), 2**81 + 4).
        let (quotient, remainder) = divide_product((1 << 100) + 7, (1 << 80) + 1, (1 << 81) + 4);
        assert_eq!(quotient, 633_825_300_114_114_700_748_351_078_403);
        assert_eq!(remainder, 1_208_925_819_614_629_176_803_323);
    }

    proptest! {
        #[test]
        fn parts_add_up_and_are_off_by_less_than_one(
            amount in any::<i64>(),
            weights in prop::collection::vec(0..10_000_i128, 1..6),
        ) {
            let amount = i128::from(amount);
            let parts = split(amount, &shares(&weights));
            prop_assert_eq!(parts.iter().sum::<i128>(), amount);
            let total: i128 = weights.iter().sum();
            for (part, weight) in parts.iter().zip(&weights) {
                prop_assert!(total == 0 || (part * total - amount * weight).abs() < total);
            }
        }
    }
}
