// HTTP+SSE of 2024-11-05: the stream names the address to post to; all answers come on it.
import { events } from './raw-http.mjs';

export async function sse({ url }, client) {
  const gone = new AbortController();
  const stream = await fetch(url, { headers: { Accept: 'text/event-stream' }, signal: gone.signal });
  if (!stream.ok || !stream.headers.get('content-type')?.startsWith('text/event-stream')) throw new Error(`GET ${url}: HTTP ${stream.status}`);
  const address = await new Promise((done, fail) => {
    const read = async () => {
      for await (const { event, data } of events(stream.body))
        if (event === 'endpoint') done(new URL(data, url));
        else if (data) client.receive(JSON.parse(data));
      fail(new Error('the stream ended'));
    };
    read().catch(fail);
  });
  return {
    async send(message) {
      const answer = await fetch(address, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(message), signal: gone.signal });
      if (!answer.ok) throw new Error(`HTTP ${answer.status}: ${await answer.text()}`);
      await answer.text();
    },
    close: async () => gone.abort(),
  };
}
