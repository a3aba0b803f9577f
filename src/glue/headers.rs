//! The runtime's headers, read one by one.

use wasm_bindgen::prelude::*;

use crate::http::Headers;

#[wasm_bindgen]
extern "C" {
    /// `web_sys::Headers` without this method, which keeps cookies apart.
    #[wasm_bindgen(extends = web_sys::Headers)]
    type CookieHeaders;

    #[wasm_bindgen(method, js_name = getSetCookie)]
    fn get_set_cookie(this: &CookieHeaders) -> js_sys::Array;
}

/// Headers of a request or a reply.
pub struct RuntimeHeaders(pub web_sys::Headers);

impl Headers for RuntimeHeaders {
    fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).ok().flatten()
    }

    fn set_cookies(&self) -> Vec<String> {
        let headers: &CookieHeaders = self.0.unchecked_ref();
        headers.get_set_cookie().iter().filter_map(|cookie| cookie.as_string()).collect()
    }
}
