//! Keys, signed tokens, addresses and the files of the guard: any bytes may come, none may pass or panic.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| dsline_gateway::guard::survive(data));
