// Sessions with old servers over HTTP: which of them are begun, and what is held for them.
import assert from 'node:assert/strict';
import { answerOf, between, openSession, request, until } from './weir.mjs';

const begun = (upstream) => upstream.seen.filter((one) => one.method === 'initialize');
const gets = (upstream) => upstream.seen.filter((one) => one.http === 'GET');
const echo = (id) => `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"echo","arguments":{"a":1}}}`;

// Takes what `which` says and never answers it; `most`: how many at a time.
const holding = (which) => {
  const held = { now: 0, most: 0 };
  held.before = (parsed, send, request, response) => {
    if (request.method === 'GET') return send(405, ''), true;
    if (!which(parsed)) return false;
    held.most = Math.max(held.most, ++held.now);
    response.on('close', () => held.now--);
    return true;
  };
  return held;
};

export const tests = {
  async 'a call that a server of a session answers with 404 or 400 is not run again while it knows the session'() {
    for (const [status, body] of [[404, 'order not found'], [400, 'no such order'], [400, '{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"no such order"}}']]) {
      let runs = 0;
      const before = (parsed, send) => (parsed.method === 'ping' ? (send(200, `{"jsonrpc":"2.0","id":${JSON.stringify(parsed.id)},"result":{}}`), true) : false);
      await between({ era: 'old', before, call: (parsed, respond) => (++runs, respond.send(status, body)) }, async (weir) => {
        await weir.settled();
        const client = await openSession(weir.url);
        const { error } = answerOf(await client.post(echo(1)));
        assert.equal(runs, 1, `${status} ${body}`);
        assert.ok(error.data?.sent === 'maybe' || error.message === 'no such order', JSON.stringify(error));
      });
    }
  },

  async 'a GET without a route, 404 or 400: there is no stream, and the sessions stay'() {
    for (const status of [404, 400]) {
      // Nor does it know the ping that asks whether it knows the session.
      const before = (parsed, send, request) => {
        if (request.method === 'GET') return send(status, 'Cannot GET /mcp'), true;
        if (parsed.method === 'ping') return send(status, `{"jsonrpc":"2.0","id":${parsed.id},"error":{"code":-32601,"message":"no"}}`), true;
        return false;
      };
      await between({ era: 'old', before }, async (weir, upstream) => {
        await weir.settled();
        const client = await openSession(weir.url);
        await client.post(echo(1));
        await until(() => gets(upstream).length >= 2);
        for (let id = 2; id < 40; id++) assert.match((await client.post(echo(id))).text, /"content"/);
        // The one that all share, and the client's own.
        assert.deepEqual([begun(upstream).length, gets(upstream).length], [2, 2], `GET answered ${status}`);
      });
    }
  },

  async 'a log level that is said while the client\'s session is opened is told all the same'() {
    const levels = [];
    let begun = 0;
    const before = function (parsed, send) {
      if (parsed.method === 'initialize') {
        this.sessions.add(`s${begun + 1}`);
        const result = `{"protocolVersion":"2025-11-25","capabilities":{"tools":{},"logging":{}},"serverInfo":{"name":"old","version":"1"}}`;
        return send(200, `{"jsonrpc":"2.0","id":${parsed.id},"result":${result}}`, { 'Mcp-Session-Id': `s${++begun}` }), true;
      }
      if (parsed.method === 'tools/call') return send(200, `{"jsonrpc":"2.0","id":${parsed.id},"result":{"content":[]}}`), true;
      if (parsed.method !== 'logging/setLevel') return false;
      levels.push([parsed.params.level, () => send(200, `{"jsonrpc":"2.0","id":${parsed.id},"result":{}}`)]);
      return true;
    };
    await between({ era: 'old', before }, async (weir) => {
      await weir.settled();
      const client = await openSession(weir.url, '2025-11-25', '{"elicitation":{}}');
      const level = (id, name) => client.post(`{"jsonrpc":"2.0","id":${id},"method":"logging/setLevel","params":{"level":"${name}"}}`);
      await level(1, 'error');
      const call = client.post(echo(2));
      await until(() => levels.length === 1, 5000, 'the first level');
      await level(3, 'debug');
      levels[0][1]();
      assert.match((await call).text, /"content"/);
      await until(() => levels.length === 2, 5000, 'the second level');
      assert.deepEqual(levels.map(([name]) => name), ['error', 'debug']);
      levels[1][1]();
    });
  },

  async 'a server that knows none of its own sessions is asked for new ones after pauses'() {
    const times = [];
    const before = (parsed, send, request) => {
      if (request.method === 'GET') return send(405, ''), true;
      if (parsed.method === 'initialize') times.push(performance.now());
      if (parsed.method !== 'tools/list') return false;
      send(400, '{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"No valid session ID provided"}}');
      return true;
    };
    await between({ era: 'old', before }, async () => {
      await until(() => times.length >= 5);
      // At least half of 0.1, 0.2 and 0.4 s, whatever else takes its time.
      assert(times[4] - times[1] >= 300, `begun at ${times}`);
    });
  },

  async 'a session that a call has lost: its stream is held no longer than until the next one'() {
    let open = 0;
    const lost = new Set();
    const before = (parsed, send, request, response) => {
      const session = request.headers['mcp-session-id'];
      if (parsed.method === 'tools/call') lost.add(session);
      if (parsed.method && lost.has(session)) return send(404, ''), true;
      if (request.method !== 'GET') return false;
      open++;
      response.on('close', () => open--);
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
      return true;
    };
    await between({ era: 'old', before }, async (weir, upstream) => {
      await weir.settled();
      const client = await openSession(weir.url);
      for (let id = 1; id <= 20; id++) assert.match((await client.post(echo(id))).text, /"error"/);
      await until(() => gets(upstream).length === begun(upstream).length);
      assert.ok(begun(upstream).length > 10, `${begun(upstream).length} sessions`);
      // The one that all share, and the client's own.
      await until(() => open <= 2, 15000, `the streams' end, ${open} are open`);
    });
  },

  async 'a server that asks on and on and takes no answer: a few connections, and the call ends'() {
    const held = holding((parsed) => 'result' in parsed);
    const call = (parsed, respond) => {
      respond.events();
      let all = '';
      for (let i = 0; i < 3000; i++) all += `data: {"jsonrpc":"2.0","id":${i},"method":"ping"}\n\n`;
      respond.raw.write(all);
    };
    await between({ era: 'old', before: held.before, call }, async (weir) => {
      await weir.settled();
      const client = await openSession(weir.url);
      assert.match((await client.post(echo(1))).text, /it asks faster than it takes the answers/);
      assert(held.most < 100, `${held.most} answers were under way`);
    });
  },

  async 'a client that tells more than the server takes: a few connections, and no other client is asked less'() {
    const roots = (more) => `{"jsonrpc":"2.0","method":"notifications/roots/list_changed"${more}}`;
    const held = holding((parsed) => parsed.method === 'notifications/roots/list_changed');
    const calls = new Map();
    const before = (parsed, send, request, response) => {
      if (held.before(parsed, send, request, response)) return true;
      if (!('result' in parsed)) return false;
      calls.get(parsed.id)(JSON.stringify(parsed.result));
      return send(202, ''), true;
    };
    const call = (parsed, respond) => {
      if (!parsed.params.arguments.asks) return respond.result('{"content":[]}');
      calls.set(parsed.params.arguments.asks, respond.end);
      respond.events();
      respond.event(`{"jsonrpc":"2.0","id":${parsed.params.arguments.asks},"method":"elicitation/create","params":{"message":"m","requestedSchema":{"type":"object","properties":{}}}}`);
    };
    await between({ era: 'old', before, call }, async (weir) => {
      await weir.settled();
      const [flooding, alike, asked] = await Promise.all(['{"roots":{"listChanged":true}}', '{"roots":{"listChanged":true}}', '{"elicitation":{}}'].map((declared) => openSession(weir.url, '2025-11-25', declared)));
      for (const client of [flooding, alike, asked]) await client.post(echo(1));
      await alike.post(roots(''));
      await until(() => held.now >= 1);
      for (let i = 0; i < 24; i++) await Promise.all(Array.from({ length: 50 }, (_, k) => flooding.post(roots(`,"params":{"_meta":{"n":${50 * i + k}}}`))));
      await until(() => held.now >= 2);
      for (let id = 2; id < 40; id++) {
        assert.match((await flooding.post(echo(id))).text, /"content"/);
        const answer = await asked.post(echo(id).replace('"a":1', `"asks":${id}`), (response) => response.on('data', (part) => {
          const question = /^data: (.*elicitation\/create.*)$/m.exec(part);
          if (question) void asked.post(`{"jsonrpc":"2.0","id":${JSON.stringify(JSON.parse(question[1]).id)},"result":{"action":"accept","content":{"n":${id}}}}`);
        }));
        assert.match(answer.text, new RegExp(`"accept","content":.."n":${id}`.replace('..', '.')));
      }
      assert(held.most < 20, `${held.most} notifications were under way`);
    }, { threads: 1 });
  },

  async 'what a server asks on a session\'s stream and could not be answered is asked again'() {
    const asked = 1100;
    const answered = new Map();
    const held = [];
    let released = false;
    const before = (parsed, send, request, response) => {
      if ('result' in parsed && parsed.method === undefined) {
        answered.set(parsed.id, (answered.get(parsed.id) ?? 0) + 1);
        if (released) send(202, '');
        else held.push(() => send(202, ''));
        return true;
      }
      if (request.method !== 'GET') return false;
      const last = Number(request.headers['last-event-id'] ?? 0);
      response.on('close', () => {
        released = true;
        for (const release of held.splice(0)) release();
      });
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
      let all = '';
      for (let n = last + 1; n <= asked; n++) all += `id: ${n}\ndata: {"jsonrpc":"2.0","id":${n},"method":"ping"}\n\n`;
      response.write(all);
      return true;
    };
    await between({ era: 'old', before }, async (weir, upstream) => {
      await until(() => answered.size === asked, 60000, `all answers, ${answered.size} came`);
      assert(gets(upstream).length > 1, 'the stream was left in between');
      assert.equal(Math.max(...answered.values()), 1);
      assert.equal(begun(upstream).length, 1);
    });
  },

  async 'an event whose id can stand in no header is not named, and the session stays'() {
    const specs = ['a\u0001b', 'i'.repeat(20000), ''].map((id) => ({
      era: 'old',
      before(parsed, send, request, response) {
        if (request.method !== 'GET') return false;
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        response.end(`id: 5\nretry: 10\ndata: {"jsonrpc":"2.0","method":"notifications/one"}\n\nid: ${id}\ndata: {"jsonrpc":"2.0","method":"notifications/two"}\n\n`);
        return true;
      },
    }));
    await between(specs, async (weir, ...upstreams) => {
      for (const upstream of upstreams) {
        await until(() => gets(upstream).length >= 2, 15000, 'the stream to be asked for again');
        assert.deepEqual(gets(upstream).map((one) => one.headers['last-event-id']).slice(0, 2), [undefined, undefined]);
        assert.equal(begun(upstream).length, 1);
      }
    });
  },

  async 'a server that starts anew between a session\'s begin and its stream is asked for another session'() {
    for (const status of [404, 400]) {
      let lost = false;
      const before = (parsed, send, request, response) => {
        if (!lost && request.method === 'GET') {
          lost = true;
          upstreamOf.sessions.clear();
        }
        if (parsed.id !== undefined && parsed.method === 'ping' && !upstreamOf.sessions.has(request.headers['mcp-session-id'])) return send(status, 'no session'), true;
        if (request.method !== 'GET') return false;
        if (!upstreamOf.sessions.has(request.headers['mcp-session-id'])) return send(status, 'no session'), true;
        response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
        open.push(request.headers['mcp-session-id']);
        return true;
      };
      const open = [];
      let upstreamOf;
      const spec = { era: 'old', before(...all) { upstreamOf = this; return before(...all); } };
      await between(spec, async (weir, upstream) => {
        await until(() => open.length === 1, 15000, 'a stream');
        assert.equal(begun(upstream).length, 2, `GET answered ${status}`);
        assert(upstream.sessions.has(open[0]));
        await weir.settled();
      });
    }
  },

  async 'an event too large on a session\'s stream is left out, and what is behind it comes'() {
    const events = ['{"jsonrpc":"2.0","method":"notifications/one"}', `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"${'x'.repeat(2_000_000)}"}}`, '{"jsonrpc":"2.0","method":"notifications/behind"}'];
    const asked = [];
    const before = (parsed, send, request, response) => {
      if (request.method !== 'GET') return false;
      const last = Number(request.headers['last-event-id'] ?? 0);
      asked.push([request.headers['mcp-session-id'], last]);
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      // The third comes only to who goes on behind the second: its stream ends there.
      const upto = last < 2 ? 2 : 3;
      for (let n = last + 1; n <= upto; n++) response.write(`id: ${n}\nretry: 10\ndata: ${events[n - 1]}\n\n`);
      if (upto === 2) response.end();
      return true;
    };
    await between({ era: 'old', before }, async (weir, upstream) => {
      await weir.settled();
      const client = await openSession(weir.url);
      await client.post(echo(1));
      let came = '';
      void request('GET', weir.url, client.headers, '', (answer) => answer.on('data', (part) => (came += part))).catch(() => {});
      await until(() => came.includes('notifications/behind'), 15000, 'what is behind it');
      assert(came.includes('notifications/one') && !came.includes('xxx'));
      // Once from the begin and once from behind it, in whichever session.
      for (const session of new Set(asked.map((one) => one[0])))
        assert.deepEqual(asked.filter((one) => one[0] === session).map((one) => one[1]), [0, 2].slice(0, asked.filter((one) => one[0] === session).length));
      await client.end();
    }, { limits: { message: '1MB' } });
  },
};
