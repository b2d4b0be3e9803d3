// The load of a day in small: quick calls, slow ones, tools that fail, JSON-RPC errors, clients that leave. None of it says
// anything about a server's health. Per second at rate 1: 100 calls.
export function mixed(n) {
  const k = n % 20;
  const client = { headers: { Authorization: `Bearer client-${n % 17}` } };
  if (k < 10) return { tool: 'echo', ...client };
  if (k < 12) return { tool: 'write', ...client };
  if (k < 13) return { tool: 'slow', args: { ms: 50 + ((n * 37) % 400) }, ...client };
  if (k < 15) return { tool: 'fail', ...client };
  if (k < 17) return { tool: 'rpc_error', ...client };
  if (k < 18) return { tool: 'whoami', ...client };
  if (k < 19) return { tool: 'slow', args: { ms: 1000 }, abort: 30 + ((n * 53) % 200), ...client };
  return { tool: n % 40 === 39 ? 'no_such_tool' : 'echo', abort: n % 40 === 39 ? undefined : 1, ...client };
}
// What each of them may end as.
export const expected = { echo: ['ok', 'aborted'], write: ['ok'], slow: ['ok', 'aborted'], fail: ['tool_error'], rpc_error: ['rpc_error'], whoami: ['ok'], no_such_tool: ['rpc_error', 'http'] };
