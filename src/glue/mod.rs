//! The Workers runtime.
use worker::{Context, Env, Result, event};

#[event(fetch)]
async fn fetch(_req: web_sys::Request, _env: Env, _ctx: Context) -> Result<web_sys::Response> {
    Ok(web_sys::Response::new_with_opt_str(Some("{\"status\":\"ok\"}"))?)
}
