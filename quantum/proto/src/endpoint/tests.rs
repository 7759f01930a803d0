use std::collections::HashMap;
use std::hash::RandomState;

use super::*;

/// Compiles only for tables with the standard library's keyed hash.
fn is_keyed<K, V>(_: &HashMap<K, V, RandomState>) -> bool {
    true
}

#[test]
fn t14_tables_whose_keys_others_choose_have_secret_hashes() {
    let endpoint = Endpoint::new(&EndpointConfig::with_seed([1; 32]), None, [2; 32]);
    assert!(is_keyed(&endpoint.by_first_id));
    assert!(is_keyed(&endpoint.by_reset_token));
}
