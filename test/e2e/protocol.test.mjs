// What clients and upstreams see on the wire, in every pair of eras.
import assert from 'node:assert/strict';
import { Upstream } from './upstream.mjs';
import { Weir, accept, answerOf, ask, between, messages, meta, openSession, request, until } from './weir.mjs';

// Odd but valid JSON, reproducible.
function generator(seed) {
  let state = seed;
  const next = (bound) => ((state = (state * 1103515245 + 12345) & 0x7fffffff), state % bound);
  const scalars = ['1.0', '-0', '1e5', '1E+2', '12345678901234567890', '0.1000', 'true', 'null', '""', '"\\u00e4\\n\\/"', '"\u{1F600}"', '"a\\u0000b"', '-1.5e-7', '"</script>"', '"\\ud83d\\ude00"'];
  const value = (depth) => {
    const kind = next(depth > 3 ? 3 : 6);
    if (kind < 3) return scalars[next(scalars.length)];
    const space = ['', ' ', '  ', '\t'][next(4)];
    const size = next(4);
    if (kind < 5) return `{${space}${Array.from({ length: size }, (_, i) => `"k${i}${['', '.x', 'é', '/y'][next(4)]}"${space}:${value(depth + 1)}`).join(`${space},`)}}`;
    return `[${space}${Array.from({ length: size }, () => value(depth + 1)).join(`,${space}`)}]`;
  };
  return { value: () => value(0), next };
}

const ids = ['0', '-7', '9007199254740991', '123456789012345678901', '"1"', '"ü\\n"', '""'];

export const tests = {
  async 'fidelity of every era pair, both directions'({ full }) {
    const count = full ? 1000 : 300;
    let checked = 0;
    for (const clientEra of ['new', 'old'])
      for (const era of ['new', 'old'])
        await between({ era }, async (weir, upstream) => {
          let reply = '';
          upstream.call = (parsed, respond) => respond.result(reply);
          const random = generator(42);
          const session = clientEra === 'old' ? await openSession(weir.url) : null;
          for (let i = 0; i < count; ++i) {
            const kept = `"x-odd":${random.value()},"name":"echo", "arguments" :{"v":${random.value()} }`;
            const answer = `"content":[{"type":"text","text":"x","_meta":${random.value().startsWith('{') ? '{"a":1.0}' : '{}'}}],"x-odd" : ${random.value()},"structuredContent":{"n":${random.value()}}`;
            reply = `{${era === 'new' ? '"resultType":"complete",' : ''}${answer}}`;
            const id = ids[random.next(ids.length)];
            const got = session
              ? await session.post(`{"method":"tools/call","id":${id},"jsonrpc":"2.0","params":{${kept}}}`)
              : await ask(weir.url, 'tools/call', kept, { id, name: 'echo' });
            const last = messages(got).at(-1);
            const told = JSON.parse(last).result;
            const sent = upstream.seen.at(-1).text;
            assert.ok(sent.includes(kept), `request changed:\n${kept}\n${sent}`);
            assert.ok(last.includes(answer), `answer changed:\n${answer}\n${last}`);
            assert.ok(last.includes(`"id":${id}`), `id changed: ${id} ${last}`);
            // Within one era nothing at all is changed but the id.
            const own = upstream.seen.at(-1).parsed.id;
            if (clientEra === 'new' && era === 'new')
              assert.equal(sent, `{"jsonrpc":"2.0","id":${own},"method":"tools/call","params":{${kept},"_meta":{${meta}}}}`);
            if (clientEra === 'old' && era === 'old') assert.equal(sent, `{"method":"tools/call","id":${own},"jsonrpc":"2.0","params":{${kept}}}`);
            if (clientEra === era) assert.equal(last, `{"jsonrpc":"2.0","id":${id},"result":${reply}}`);
            if (clientEra === 'new') assert.equal(told.resultType, 'complete');
            if (clientEra === 'old') assert.ok(!('resultType' in told));
            ++checked;
          }
        });
    return `${checked} messages`;
  },

  async 'headers towards a new upstream are made anew'() {
    await between([{ tools: ['grüße'] }, {}], async (weir, upstream) => {
      await weir.settled();
      const name = 'a__grüße';
      const answer = await ask(weir.url, 'tools/call', `"name":"${name}","arguments":{}`, {
        name: `=?base64?${Buffer.from(name).toString('base64')}?=`,
        headers: { Authorization: 'Bearer secret', Cookie: 'c=1', 'X-Api-Key': 'k' },
      });
      assert.equal(answer.status, 200);
      const { headers } = upstream.calls().at(-1);
      assert.equal(headers['mcp-method'], 'tools/call');
      assert.equal(headers['mcp-name'], `=?base64?${Buffer.from('grüße').toString('base64')}?=`);
      assert.equal(headers['mcp-protocol-version'], '2026-07-28');
      for (const secret of ['authorization', 'cookie', 'x-api-key', 'mcp-session-id']) assert.ok(!(secret in headers), secret);
    });
  },

  async 'the new envelope is checked'() {
    await between({}, async (weir) => {
      const post = (headers, body) => request('POST', weir.url, { ...accept, ...headers }, body);
      const good = `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{${meta}}}}`;
      const version = { 'MCP-Protocol-Version': '2026-07-28' };
      const cases = [
        [{ ...version }, good, 400, -32020],
        [{ ...version, 'Mcp-Method': 'tools/call' }, good, 400, -32020],
        [{ 'Mcp-Method': 'tools/list' }, good, 400, -32020],
        [{ ...version, 'Mcp-Method': 'tools/list' }, good.replace(/,"io.modelcontextprotocol\/clientCap[^}]*\{\}/, ''), 400, -32602],
        [{ 'MCP-Protocol-Version': '2031-01-01', 'Mcp-Method': 'tools/list' }, good.replace('2026-07-28', '2031-01-01'), 400, -32022],
        [{ ...version, 'Mcp-Method': 'no/such' }, good.replace('tools/list', 'no/such'), 404, -32601],
        [{ ...version, 'Mcp-Method': 'tools/call', 'Mcp-Name': 'y' }, good.replace('tools/list', 'tools/call').replace('{"_meta"', '{"name":"x","_meta"'), 400, -32020],
        [{ ...version, 'Mcp-Method': 'tools/list' }, '{"a":', 400, -32700],
        [{ ...version, 'Mcp-Method': 'tools/list' }, good.replace('"id":1', '"id":1.5'), 400, -32600],
        [{ ...version, 'Mcp-Method': 'tools/list' }, good.replace('"id":1', '"id":1,"id":2'), 400, -32600],
        [{ ...version, 'Mcp-Method': 'tools/list' }, '[' + good + ']', 400, -32600],
      ];
      for (const [headers, body, status, code] of cases) {
        const got = await post(headers, body);
        assert.deepEqual([got.status, answerOf(got).error.code], [status, code], body + JSON.stringify(headers));
      }
      assert.deepEqual(answerOf(await post({ 'MCP-Protocol-Version': '2031-01-01', 'Mcp-Method': 'tools/list' }, good.replace('2026-07-28', '2031-01-01'))).error.data, {
        supported: ['2026-07-28'],
        requested: '2031-01-01',
      });
      assert.equal((await request('GET', weir.url)).status, 405);
    });
  },

  async 'a client that says very much of itself is refused'() {
    await between({ era: 'old' }, async (weir, upstream) => {
      const much = `{"name":"e2e","version":"1","x":"${'x'.repeat(65536)}"}`;
      const opened = (info, capabilities) => request('POST', weir.url, accept, `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":${capabilities},"clientInfo":${info}}}`);
      const asked = (info, capabilities) => request('POST', weir.url, { ...accept, 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': 'echo' }, `{"jsonrpc":"2.0","id":0,"method":"tools/call","params":{"name":"echo","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":${capabilities},"io.modelcontextprotocol/clientInfo":${info}}}}`);
      for (const [info, capabilities] of [[much, '{}'], ['{"name":"e2e","version":"1"}', much]]) {
        const old = await opened(info, capabilities);
        assert.deepEqual([answerOf(old).error?.code, old.headers['mcp-session-id']], [-32602, undefined]);
        const fresh = await asked(info, capabilities);
        assert.deepEqual([fresh.status, answerOf(fresh).error?.code], [400, -32602]);
      }
      assert.ok(!upstream.seen.some((one) => one.text.length > 65536), 'the server hears of none');
    });
  },

  async 'sessions of old clients'() {
    await between({ era: 'old' }, async (weir) => {
      for (const version of ['2025-11-25', '2025-06-18', '2025-03-26']) {
        const session = await openSession(weir.url, version);
        assert.equal(JSON.parse(session.answer.text).result.protocolVersion, version);
        assert.equal((await session.post('{"jsonrpc":"2.0","id":1,"method":"ping"}')).text, '{"jsonrpc":"2.0","id":1,"result":{}}');
        assert.equal(answerOf(await session.post('{"jsonrpc":"2.0","id":2,"method":"nix"}')).error.code, -32601);
        assert.equal((await session.post('{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}')).status, 202);
        const batch = await session.post('[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"notifications/initialized"},{"jsonrpc":"2.0","id":"b","method":"tools/list"}]');
        if (version === '2025-03-26') assert.deepEqual(answerOf(batch).map((one) => one.id), [1, 'b']);
        else assert.equal(batch.status, 400);
        assert.equal((await session.end()).status, 200);
        assert.equal((await session.post('{"jsonrpc":"2.0","id":1,"method":"ping"}')).status, 404);
        assert.equal((await session.end()).status, 404);
      }
      assert.equal((await request('POST', weir.url, accept, '{"jsonrpc":"2.0","id":1,"method":"tools/list"}')).status, 400);
      assert.equal(JSON.parse((await openSession(weir.url, '1999-01-01')).answer.text).result.protocolVersion, '2025-11-25');
    });
  },

  async 'progress comes back under the client\'s own token, in order'() {
    for (const era of ['new', 'old'])
      await between({ era }, async (weir, upstream) => {
        upstream.call = (parsed, respond) => {
          respond.events();
          const token = JSON.stringify(parsed.params._meta.progressToken);
          for (let i = 1; i <= 5; ++i) respond.event(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":${i}.0,"progressToken":${token}}}`);
          respond.event('{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":9,"progressToken":"somebody else"}}');
          respond.event('{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"not asked for"}}');
          respond.end(`{${era === 'new' ? '"resultType":"complete",' : ''}"content":[]}`);
        };
        for (const token of ['0', '"42"']) {
          const got = messages(await ask(weir.url, 'tools/call', '"name":"echo","arguments":{}', { id: '"q"', name: 'echo', more: `"progressToken":${token},` }));
          assert.equal(got.length, 6);
          for (let i = 0; i < 5; ++i) assert.equal(got[i], `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":${i + 1}.0,"progressToken":${token}}}`);
          assert.equal(JSON.parse(got[5]).id, 'q');
        }
      });
  },

  async 'log messages only for who asked'() {
    await between({}, async (weir, upstream) => {
      upstream.call = (parsed, respond) => {
        respond.events();
        for (const level of ['debug', 'warning']) respond.event(`{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"${level}","data":"d"}}`);
        respond.end('{"resultType":"complete","content":[]}');
      };
      const call = (more) => ask(weir.url, 'tools/call', '"name":"echo","arguments":{}', { name: 'echo', more });
      assert.equal(messages(await call('')).length, 1);
      assert.equal(messages(await call('"io.modelcontextprotocol/logLevel":"info",')).length, 2);
      const session = await openSession(weir.url);
      await session.post('{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"debug"}}');
      const got = messages(await session.post('{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"echo"}}'));
      assert.equal(got.length, 3);
      assert.equal(upstream.calls().at(-1).parsed.params._meta['io.modelcontextprotocol/logLevel'], 'debug');
    });
  },

  async 'an old client that has said no level gets what an old server logs, in its own session only'() {
    const log = (data) => `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"warning","data":"${data}"}}`;
    const streams = new Map();
    const before = (parsed, send, http, response) => {
      if (http.method !== 'GET') return false;
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.flushHeaders();
      return streams.set(http.headers['mcp-session-id'], response), true;
    };
    const call = (parsed, respond) => (respond.events(), respond.event(log('in the call')), respond.end('{"content":[]}'));
    await between({ era: 'old', before, call }, async (weir, upstream) => {
      const post = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{}}}';
      const session = await openSession(weir.url);
      assert.equal(messages(await session.post(post)).filter((one) => one.includes('in the call')).length, 1);
      let came = '';
      const stop = new AbortController();
      const get = await fetch(weir.url, { headers: { ...session.headers, Accept: 'text/event-stream' }, signal: stop.signal });
      (async () => { for await (const part of get.body) came += Buffer.from(part); })().catch(() => {});
      const own = await until(() => streams.get(upstream.calls()[0].headers['mcp-session-id']), 5000, 'the stream of the session');
      own.write(`data: ${log('beside it')}\n\n`);
      await until(() => came.includes('beside it'), 5000, 'the log message');
      stop.abort();
      await session.post('{"jsonrpc":"2.0","id":2,"method":"logging/setLevel","params":{"level":"error"}}');
      assert.equal(messages(await session.post(post)).length, 1, 'it has said what it wants');
    });
    const upstream = await Upstream.start({ era: 'old', call });
    const weir = await Weir.start({ servers: { a: { url: upstream.url, session: 'shared' } } });
    try {
      await weir.settled();
      const session = await openSession(weir.url);
      const got = messages(await session.post('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{}}}'));
      assert.equal(got.filter((one) => one.includes('in the call')).length, 0, 'others have a part in this session');
      assert.ok(JSON.parse(got.at(-1)).result);
    } finally {
      await weir.stop();
      await upstream.stop();
    }
  },

  async 'cancelling reaches the one upstream request'() {
    for (const era of ['new', 'old'])
      await between({ era }, async (weir, upstream) => {
        const open = [];
        upstream.call = (parsed, respond) => open.push(respond);
        // A new client closes its connection.
        const gone = ask(weir.url, 'tools/call', '"name":"echo","arguments":{}', { name: 'echo', headers: { Connection: 'close' } });
        gone.catch(() => {});
        await until(() => open.length === 1);
        const before = upstream.closed;
        const aborter = new AbortController();
        const second = fetch(weir.url, { method: 'POST', signal: aborter.signal, headers: { ...accept, 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': 'echo' }, body: `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","_meta":{${meta}}}}` });
        second.catch(() => {});
        await until(() => open.length === 2);
        aborter.abort();
        await until(() => upstream.closed === before + 1);
        if (era === 'old') await until(() => upstream.seen.some((one) => one.method === 'notifications/cancelled' && one.parsed.params.requestId === upstream.calls()[1].parsed.id));
        // An old client says so.
        const [one, two] = [await openSession(weir.url), await openSession(weir.url)];
        const text = '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo"}}';
        const calls = [one.post(text), two.post(text)];
        await until(() => open.length === 4);
        await two.post('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}');
        assert.equal(JSON.parse(messages(await calls[1]).at(-1)).error.code, 1006);
        open[2].result(`{${era === 'new' ? '"resultType":"complete",' : ''}"content":[]}`);
        open[3].raw.destroyed || open[3].result('{"content":[]}');
        const came = await Promise.race([calls[0], until(() => false, 20000, 'the other session').catch((e) => e)]);
        // As a stream where it did not come at once.
        const other = came.text === undefined ? {} : JSON.parse(messages(came).at(-1));
        assert.ok(other.result, 'the other session lost its call');
        open[0].raw.destroy();
        await gone.catch(() => {});
      });
  },

  async 'all pages become one list, unknown members kept'() {
    const tools = Array.from({ length: 25 }, (_, i) => `t${i}`);
    for (const era of ['new', 'old'])
      await between([{ era, tools, pages: 4 }], async (weir) => {
        const list = answerOf(await ask(weir.url, 'tools/list')).result;
        assert.deepEqual(list.tools.map((one) => one.name), tools);
        assert.ok(!('nextCursor' in list));
        assert.ok((await ask(weir.url, 'tools/list')).text.includes('"x-kept":1.0'));
      });
    await between([{ tools, pages: 3 }, { era: 'old', tools }], async (weir) => {
      const list = answerOf(await ask(weir.url, 'tools/list')).result;
      assert.equal(list.tools.length, 50);
      assert.equal(new Set(list.tools.map((one) => one.name)).size, 50);
      const bad = answerOf(await ask(weir.url, 'tools/list', '"cursor":"x"'));
      assert.equal(bad.error.code, -32602);
    });
  },

  async 'equal names reach their own server, long ones keep theirs'() {
    const long = 'n'.repeat(80);
    await between([{ tools: ['same', 'only', long] }, { tools: ['same', long] }], async (weir, a, b) => {
      await weir.settled();
      const call = (name) => ask(weir.url, 'tools/call', `"name":"${name}","arguments":{}`, { name });
      await call('a__same');
      assert.equal(a.calls().at(-1).parsed.params.name, 'same');
      await call('b__same');
      assert.equal(b.calls().at(-1).parsed.params.name, 'same');
      await call('only');
      assert.equal(a.calls().at(-1).parsed.params.name, 'only');
      assert.equal(answerOf(await call('same')).error.code, -32602);
      const names = answerOf(await ask(weir.url, 'tools/list')).result.tools.map((one) => one.name);
      const short = names.filter((one) => one.length === 60);
      assert.equal(new Set(short).size, 2);
      for (const one of short) await call(one);
      assert.equal(a.calls().at(-1).parsed.params.name, long);
      assert.equal(b.calls().at(-1).parsed.params.name, long);
      assert.equal(answerOf(await ask(weir.url + '/b', 'tools/list')).result.tools[0].name, 'same');
    });
  },

  async 'a server that hangs, lies or is gone costs only itself'() {
    await between([{}, {}, {}, {}], async (weir, a, b, c, d) => {
      await weir.settled();
      const list = async () => answerOf(await ask(weir.url, 'tools/list')).result;
      assert.equal((await list()).tools.length, 4);
      b.answer = () => {};
      c.answer = (request, response) => response.end('<html>');
      await d.stop();
      const begun = Date.now();
      const got = await list();
      assert.ok(Date.now() - begun < 20000);
      assert.deepEqual(got.tools.map((one) => one.name), ['a__echo', 'b__echo', 'c__echo', 'd__echo']);
      assert.deepEqual(got._meta['weir/partial'].missing, []);
      assert.deepEqual(got._meta['weir/partial'].stale.map(({ server, reason }) => ({ server, reason })), [{ server: 'b', reason: 'deadline_exceeded' }, { server: 'c', reason: 'upstream_protocol' }, { server: 'd', reason: 'unreachable' }]);
      assert.equal(got.ttlMs, 0);
      b.server.closeAllConnections();
    }, { timeout: { list: '500ms' } });
  },

  async 'errors: an upstream\'s own pass, Weir\'s have codes and data'() {
    await between({}, async (weir, upstream) => {
      const call = async () => answerOf(await ask(weir.url, 'tools/call', '"name":"echo","arguments":{}', { name: 'echo' }));
      upstream.call = (parsed, respond) => respond.send(200, `{"jsonrpc":"2.0","id":${parsed.id},"error":{"code":-32099,"message":"own","data":{"x":1.0}}}`);
      assert.deepEqual((await call()).error, { code: -32099, message: 'own', data: { x: 1 } });
      const cases = [
        [(p, r) => r.send(200, 'no json'), 1002, 'maybe'],
        [(p, r) => r.send(200, '{"jsonrpc":"2.0","id":"forged","result":{}}'), 1002, 'maybe'],
        [(p, r) => r.send(500, ''), 1002, 'maybe'],
        [(p, r) => r.send(302, '', { Location: 'http://127.0.0.1:1/' }), 1002, 'maybe'],
        [(p, r) => r.send(429, '', { 'Retry-After': '3' }), 1004, 'maybe'],
        [(p, r) => r.send(401, ''), 1008, 'maybe'],
        [(p, r) => r.raw.destroy(), 1007, 'maybe'],
        [(p, r) => (r.events(), r.raw.end()), 1007, 'maybe'],
      ];
      for (const [answer, code, sent] of cases) {
        upstream.call = answer;
        const { error } = await call();
        assert.deepEqual([error.code, error.data.sent, error.data.server], [code, sent, 'a'], error.message);
        if (code === 1004) assert.equal(error.data.retry_after_ms, 3000);
      }
      await upstream.stop();
      const { error } = await call();
      assert.deepEqual([error.code, error.data], [1001, { server: 'a', reason: 'unreachable', retryable: true, sent: 'no' }]);
    }, { circuit_breaker: false }); // of eight failures in a row
  },

  async 'a server that wants credentials is shown, and asked again later'() {
    await between({}, async (weir, upstream) => {
      upstream.status = 401;
      weir.write({ servers: { a: { url: upstream.url, headers: { 'X-New': '1' } } } });
      await until(async () => (await weir.servers())[0].state === 'needs_authorization');
      const got = await ask(weir.url, 'tools/list');
      assert.equal(got.status, 200);
      assert.equal(answerOf(got).error.code, 1008);
      upstream.status = 0;
      await until(async () => (await weir.servers())[0].state === 'ready');
      assert.equal(answerOf(await ask(weir.url, 'tools/list')).result.tools.length, 1);
    });
  },

  async 'an old session that the server has forgotten is opened anew'() {
    await between({ era: 'old' }, async (weir, upstream) => {
      const call = async () => answerOf(await ask(weir.url, 'tools/call', '"name":"echo","arguments":{"a":1}', { name: 'echo' }));
      assert.ok((await call()).result);
      upstream.sessions.clear();
      assert.ok((await call()).result);
      // Weir's own, the client's, and the client's again.
      assert.equal(upstream.seen.filter((one) => one.method === 'initialize').length, 3);
    });
  },

  async 'two hundred clients with equal ids and tokens'({ full }) {
    const clients = 200;
    const rounds = full ? 600 : 20;
    await between([{ era: 'new' }, { era: 'old' }], async (weir, a, b) => {
      await weir.settled();
      for (const one of [a, b])
        one.call = (parsed, respond) => {
          const old = one.era === 'old';
          const result = `{${old ? '' : '"resultType":"complete",'}"content":[],"nonce":${JSON.stringify(parsed.params.arguments.nonce)}}`;
          if (!parsed.params._meta?.progressToken && parsed.params._meta?.progressToken !== 0) return respond.result(result);
          respond.events();
          respond.event(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":${JSON.stringify(parsed.params._meta.progressToken)},"progress":1,"message":${JSON.stringify(parsed.params.arguments.nonce)}}}`);
          respond.end(result);
        };
      let calls = 0;
      await Promise.all(Array.from({ length: clients }, async (_, client) => {
        const session = client % 2 ? await openSession(weir.url) : null;
        for (let round = 0; round < rounds; ++round) {
          const nonce = `${client}-${round}`;
          const tool = round % 2 ? 'a__echo' : 'b__echo';
          const token = round % 3 === 0 ? '"_meta":{"progressToken":0},' : '';
          const got = session
            ? await session.post(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{${token}"name":"${tool}","arguments":{"nonce":"${nonce}"}}}`)
            : await ask(weir.url, 'tools/call', `"name":"${tool}","arguments":{"nonce":"${nonce}"}`, { name: tool, more: token ? '"progressToken":0,' : '' });
          const texts = messages(got).map((one) => JSON.parse(one));
          assert.equal(texts.at(-1).id, 1);
          assert.equal(texts.at(-1).result?.nonce, nonce, got.text);
          if (token) assert.deepEqual([texts[0].params.progressToken, texts[0].params.message], [0, nonce]);
          ++calls;
        }
      }));
      assert.equal(calls, clients * rounds);
    }, { bulkhead: { client_share: 1 } }); // they have one address
    return `${clients * rounds} calls, 0 crossed`;
  },

  async 'trace context goes through, with a span of ours'() {
    await between({}, async (weir, upstream) => {
      const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
      await ask(weir.url, 'tools/call', '"name":"echo"', { name: 'echo', more: `"traceparent":"00-${trace}-00f067aa0ba902b7-01","tracestate":"v=1",` });
      const { headers, parsed } = upstream.calls().at(-1);
      assert.match(headers.traceparent, new RegExp(`^00-${trace}-[0-9a-f]{16}-01$`));
      assert.ok(!headers.traceparent.includes('00f067aa0ba902b7'));
      assert.equal(parsed.params._meta.traceparent, headers.traceparent);
      assert.equal(headers.tracestate, 'v=1');
      await ask(weir.url, 'tools/call', '"name":"echo"', { name: 'echo' });
      assert.ok(!('traceparent' in upstream.calls().at(-1).headers));
    });
  },

  async 'who may come in'() {
    await between({}, async (weir) => {
      const list = (headers, url = weir.url) => ask(url, 'tools/list', '', { headers });
      const port = new URL(weir.url).port;
      assert.equal((await list({ Host: `localhost:${port}` })).status, 200);
      assert.equal((await list({ Host: 'evil.example' })).status, 403);
      assert.equal((await list({ Origin: 'http://evil.example' })).status, 403);
      assert.equal((await list({ Origin: 'null' })).status, 403);
      assert.equal((await request('GET', weir.admin + '/config', { Host: 'evil.example' })).status, 403);
      const allowed = await list({ Origin: 'http://localhost:5173' });
      assert.equal(allowed.headers['access-control-allow-origin'], 'http://localhost:5173');
      assert.equal((await request('OPTIONS', weir.url, { Origin: 'http://localhost:1', 'Access-Control-Request-Method': 'POST' })).status, 204);
    }, { allowed_origins: ['http://localhost:*'] });
  },

  async 'invented names make no series'({ full }) {
    await between({}, async (weir) => {
      await weir.settled();
      const page = async () => (await request('GET', weir.admin + '/metrics')).text;
      await ask(weir.url, 'tools/call', '"name":"nosuch"', { name: 'nosuch' });
      await ask(weir.url, 'no/such');
      assert.match(await page(), /weir_connections\{side="upstream"\} [1-9]/);
      const before = (await page()).split('\n').length;
      const count = full ? 100000 : 2000;
      await Promise.all(Array.from({ length: 50 }, async (_, worker) => {
        for (let i = 0; i < count / 50; ++i) {
          const name = `made-up-${worker}-${i}`;
          if (i % 2) await ask(weir.url, 'tools/call', `"name":"${name}"`, { name });
          else await ask(weir.url, name);
        }
      }));
      assert.equal((await page()).split('\n').length, before);
      assert.ok(!(await page()).includes('made-up'));
    });
  },
};
