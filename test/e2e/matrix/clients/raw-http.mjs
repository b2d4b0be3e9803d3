// Streamable HTTP by fetch. Old: a session, its GET stream. New: the headers of the revision; closing a stream cancels.
export async function* events(body) {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const part of body) {
    rest += decoder.decode(part, { stream: true });
    for (let end; (end = /\r?\n\r?\n/.exec(rest)); ) {
      const lines = rest.slice(0, end.index).split(/\r?\n/);
      rest = rest.slice(end.index + end[0].length);
      const field = (name) => lines.filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).replace(/^ /, '')).join('\n');
      yield { event: field('event'), data: field('data') };
    }
  }
}

export async function http({ url, version }, client) {
  const modern = version >= '2026';
  const gone = new AbortController();
  let session;
  const headers = (message) => {
    const all = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' };
    if (modern || message?.method !== 'initialize') all['MCP-Protocol-Version'] = version;
    if (session) all['Mcp-Session-Id'] = session;
    if (modern && message) {
      all['Mcp-Method'] = message.method;
      const name = message.params?.name ?? message.params?.uri;
      if (name !== undefined && ['tools/call', 'prompts/get', 'resources/read'].includes(message.method)) all['Mcp-Name'] = name;
    }
    return all;
  };
  const read = async (answer, exchange) => {
    if (answer.headers.get('content-type')?.startsWith('text/event-stream')) {
      for await (const { data } of events(answer.body)) if (data) client.receive(JSON.parse(data), exchange);
      return;
    }
    const text = await answer.text();
    if (text.trim()) for (const one of [JSON.parse(text)].flat()) client.receive(one, exchange);
  };
  return {
    abort: modern, // the request's stream is closed instead of a notification
    async send(message, exchange) {
      const signal = modern && exchange?.signal ? AbortSignal.any([gone.signal, exchange.signal]) : gone.signal;
      const answer = await fetch(url, { method: 'POST', headers: headers(message), body: JSON.stringify(message), signal });
      session ??= modern ? undefined : answer.headers.get('mcp-session-id');
      if (!answer.ok && !answer.headers.get('content-type')?.startsWith('application/json')) throw new Error(`HTTP ${answer.status}: ${await answer.text()}`);
      await read(answer, exchange);
      if (exchange) exchange.fail(new Error('the stream ended without an answer'));
    },
    async opened() {
      const answer = await fetch(url, { headers: { ...headers(), Accept: 'text/event-stream' }, signal: gone.signal });
      if (answer.ok) read(answer).catch(() => {});
    },
    async close() {
      if (session) await fetch(url, { method: 'DELETE', headers: headers() }).catch(() => {});
      gone.abort();
    },
  };
}
