// Results too large to be collected: passed on while they come, as JSON and as an event.
import assert from 'node:assert/strict';
import net from 'node:net';
import { answerOf, ask, between, messages, meta, openSession, request, until } from './weir.mjs';

export const tests = {
  async 'large answers pass while they come, whatever their order'() {
    const text = 'x\\"},é'.repeat(60000);
    const result = `{"resultType":"complete","content":[{"type":"text","text":"${text}"}],"isError":true}`;
    const forms = {
      head: (id) => [`{"jsonrpc":"2.0","id":${id},"result":`, '}'],
      tail: (id) => ['{"result":', `,"jsonrpc":"2.0", "id":${id}}`],
      odd: (id) => [`{"id":${id},"result":`, ',"jsonrpc":"2.0"}'],
    };
    await between({}, async (weir, upstream) => {
      for (const [form, around, sized] of [true, false].flatMap((sized) => Object.entries(forms).map((one) => [...one, sized]))) {
        let go;
        const released = new Promise((done) => (go = done));
        upstream.call = async (parsed, { raw }) => {
          const whole = Buffer.from(around(parsed.id)[0] + result + around(parsed.id)[1]);
          raw.writeHead(200, { 'Content-Type': 'application/json', ...(sized && { 'Content-Length': whole.length }) });
          raw.write(whole.subarray(0, 100_000));
          if (form !== 'odd') await released;
          raw.end(whole.subarray(100_000));
        };
        const id = '"an id of another length"';
        // The first bytes are with the client before the server has sent the last ones.
        const got = await ask(weir.url, 'tools/call', '"name":"echo","arguments":{}', { id, name: 'echo', on: (answer) => answer.once('readable', go) });
        assert.equal(got.text, around(id)[0] + result + around(id)[1], `${form}, sized: ${sized}`);
      }
      const counted = /weir_requests_total\{[^}]*outcome="tool_error"[^}]*\} 6/;
      await until(async () => counted.test((await request('GET', weir.admin + '/metrics')).text), 5000, 'all to be counted');
      // Another's id at the end: the client sees that the answer is not whole.
      upstream.call = (parsed, { raw }) => {
        const whole = Buffer.from(`{"result":${result},"jsonrpc":"2.0","id":${parsed.id + 1}}`);
        raw.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': whole.length });
        raw.end(whole);
      };
      await assert.rejects(ask(weir.url, 'tools/call', '"name":"echo","arguments":{}', { name: 'echo' }));
      // As long as it was said, and yet no whole result.
      upstream.call = (parsed, { raw }) => {
        const text = `{"jsonrpc":"2.0","id":${parsed.id},"result":{"content":[{"type":"text","text":"${'z'.repeat(150_000)}`;
        raw.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': text.length });
        raw.end(text);
      };
      await assert.rejects(ask(weir.url, 'tools/call', '"name":"echo","arguments":{}', { name: 'echo' }));
      // Cut off in the middle.
      for (const sized of [true, false]) {
        upstream.call = (parsed, { raw }) => {
          raw.writeHead(200, { 'Content-Type': 'application/json', ...(sized && { 'Content-Length': 300_000 }) });
          raw.write(`{"jsonrpc":"2.0","id":${parsed.id},"result":{"content":[{"type":"text","text":"${'y'.repeat(150_000)}`, () => raw.destroy());
        };
        await assert.rejects(ask(weir.url, 'tools/call', '"name":"echo","arguments":{}', { name: 'echo' }), `sized: ${sized}`);
      }
      upstream.call = null;
      assert.ok((await ask(weir.url, 'tools/call', '"name":"echo","arguments":{}', { name: 'echo' })).text.includes('"result"'));
    });
  },

  async 'an answer larger than limits.message without a length is cut there'() {
    await between({}, async (weir, upstream) => {
      for (const [size, good] of [[200_000, true], [400_000, false]]) {
        const ended = new Promise((done) => {
          upstream.call = (parsed, { raw }) => {
            raw.on('close', done);
            raw.writeHead(200, { 'Content-Type': 'application/json' });
            raw.write(`{"jsonrpc":"2.0","id":${parsed.id},"result":{"content":[{"type":"text","text":"`);
            raw.write('y'.repeat(size));
            if (good) raw.end('"}]}}'); // else nothing but the gateway ends it
          };
        });
        const answer = ask(weir.url, 'tools/call', '"name":"echo","arguments":{}', { name: 'echo' });
        if (good) assert.equal(JSON.parse((await answer).text).result.content[0].text.length, size);
        else await assert.rejects(answer);
        await ended;
      }
    }, { limits: { message: '256KB' } });
  },

  async 'a large answer in one event passes while it comes'() {
    const text = 'x\\"},é'.repeat(60000);
    const result = `{"content":[{"type":"text","text":"${text}"}],"resultType":"complete","isError":true}`;
    const call = (weir, options) => ask(weir.url, 'tools/call', '"name":"echo","arguments":{}', { name: 'echo', ...options });
    const forms = {
      head: (id) => [`{"jsonrpc":"2.0","id":${id},"result":`, '}'],
      tail: (id) => ['{"result":', `,"jsonrpc":"2.0", "id":${id}}`],
    };
    const event = (lines) => Buffer.from(`event: message\n${lines}\n\n`);
    const begin = (raw) => (raw.writeHead(200, { 'Content-Type': 'text/event-stream' }), raw);
    await between({}, async (weir, upstream) => {
      const id = '"an id of another length"';
      for (const [form, around] of Object.entries(forms)) {
        let go;
        const released = new Promise((done) => (go = done));
        upstream.call = async (parsed, { raw }) => {
          const whole = event(`data: ${around(parsed.id)[0]}${result}${around(parsed.id)[1]}\nid: 7`);
          begin(raw).write(whole.subarray(0, 100_000));
          await released;
          raw.end(whole.subarray(100_000));
        };
        const got = await call(weir, { id, on: (answer) => answer.once('readable', go) });
        assert.equal(got.text, around(id)[0] + result + around(id)[1], form);
        assert.equal(got.headers['transfer-encoding'], 'chunked');
      }
      const counted = /weir_requests_total\{[^}]*outcome="tool_error"[^}]*\} 2/;
      await until(async () => counted.test((await request('GET', weir.admin + '/metrics')).text), 5000, 'both to be counted');

      // The connection serves the next call, once its stream has ended.
      upstream.call = (parsed, { raw }) => begin(raw).end(event(`data: ${forms.head(parsed.id)[0]}${result}\ndata: }`));
      for (let i = 0; i < 3; ++i) assert.deepEqual(answerOf(await call(weir)).result, JSON.parse(result));

      // What came before it is an event, so this is one, too.
      upstream.call = (parsed, { raw }) => {
        begin(raw).write(event(`data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":${JSON.stringify(parsed.params._meta.progressToken)},"progress":1}}`));
        raw.end(event(`data: ${forms.head(parsed.id)[0]}${result}}`));
      };
      const two = messages(await call(weir, { more: '"progressToken":1,' })).map((one) => JSON.parse(one));
      assert.equal(two[0].params.progress, 1);
      assert.deepEqual(two[1].result, JSON.parse(result));

      // Another's id, an event of another type, an end in the middle: the client sees that it is not whole.
      const bad = {
        id: (raw, own) => raw.end(event(`data: {"result":${result},"jsonrpc":"2.0","id":${own + 1}}`)),
        type: (raw, own) => (raw.write(event(`data: ${forms.head(own)[0]}${result}}`).subarray(0, -1)), raw.end('event: other\n\n')),
        end: (raw, own) => raw.end(`data: ${forms.head(own)[0]}${result}`),
        cut: (raw, own) => raw.write(`data: ${forms.head(own)[0]}${result}`, () => raw.destroy()),
      };
      for (const [how, answer] of Object.entries(bad)) {
        upstream.call = (parsed, { raw }) => answer(begin(raw), parsed.id);
        await assert.rejects(call(weir), how);
      }
      upstream.call = null;
      assert.ok((await call(weir)).text.includes('"result"'));
    });
    // In an old session a stream has begun before the answer comes: it is an event of that.
    await between({ era: 'old' }, async (weir, upstream) => {
      // The client's stream may begin before the server was even asked, or after.
      let begun;
      let client;
      upstream.call = async (parsed, { raw }) => {
        begin(raw).flushHeaders();
        await client;
        const whole = event(`data: ${forms.head(parsed.id)[0]}${result}}`);
        raw.write(whole.subarray(0, 100_000), () => setImmediate(() => raw.end(whole.subarray(100_000))));
      };
      const session = await openSession(weir.url);
      for (let id = 1; id < 4; ++id) {
        client = new Promise((done) => (begun = done));
        const got = await session.post(`{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"echo"}}`, () => begun());
        const last = JSON.parse(messages(got).at(-1));
        assert.deepEqual([last.id, last.result], [id, JSON.parse(result)]);
      }
    });
    // An old server whose answer its client wants no more is told so.
    await between({ era: 'old' }, async (weir, upstream) => {
      upstream.call = (parsed, { raw }) => begin(raw).write(event(`data: ${forms.head(parsed.id)[0]}${result}}`).subarray(0, 200_000));
      const session = await openSession(weir.url);
      const cancel = '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"c"}}';
      const call = session.post('{"jsonrpc":"2.0","id":"c","method":"tools/call","params":{"name":"echo"}}', (answer) => answer.once('readable', () => session.post(cancel)));
      await assert.rejects(call);
      const told = await until(() => upstream.seen.find((one) => one.method === 'notifications/cancelled'), 5000, 'the server to be told');
      assert.equal(told.parsed.params.requestId, upstream.calls()[0].parsed.id);
    });
    // A client of HTTP/1.0 could not tell a cut from an end: it gets the answer whole, or an error.
    await between({}, async (weir, upstream) => {
      const { port } = new URL(weir.url);
      const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{},"_meta":{${meta}}}}`;
      const head = `POST /mcp HTTP/1.0\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: echo\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
      const asked = () =>
        new Promise((good, fail) => {
          let text = '';
          const socket = net.connect(Number(port), '127.0.0.1', () => socket.write(head + body));
          socket.setEncoding('utf8').on('data', (part) => (text += part)).on('error', fail).on('end', () => (socket.end(), good(text)));
        });
      upstream.call = (parsed, { raw }) => begin(raw).end(event(`data: ${forms.head(parsed.id)[0]}${result}}`));
      const whole = await asked();
      assert.match(whole, /^HTTP\/1.1 200 OK\r\n[^]*Content-Length: \d+\r\n/);
      assert.deepEqual(JSON.parse(whole.slice(whole.indexOf('\r\n\r\n'))).result, JSON.parse(result));
      upstream.call = (parsed, { raw }) => begin(raw).end(`data: ${forms.head(parsed.id)[0]}${result}`);
      const cut = await asked();
      assert.equal(JSON.parse(cut.slice(cut.indexOf('\r\n\r\n'))).error.data.reason, 'outcome_unknown');
    });
    // More than limits.message: cut off, whatever is still to come, and however it is said.
    await between({}, async (weir, upstream) => {
      upstream.call = (parsed, { raw }) => {
        begin(raw).write(`data: ${forms.head(parsed.id)[0]}{"content":[{"type":"text","text":"`);
        for (let i = 0; i < 20; ++i) raw.write('z'.repeat(100_000));
      };
      await assert.rejects(call(weir));
      await until(() => upstream.closed > 0, 5000, 'the upstream to see it');
      upstream.call = (parsed, { raw }) => {
        begin(raw).write(`data: ${forms.head(parsed.id)[0]}${result}\n`);
        for (let i = 0; i < 20; ++i) raw.write(':\n'.repeat(50_000));
      };
      await assert.rejects(call(weir));
      await until(() => upstream.closed > 1, 5000, 'the upstream to see it again');
    }, { limits: { message: '1MB' } });
  },
};
