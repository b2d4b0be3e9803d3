// Clients of our own, one for each era: no SDK, every message as it came and in its order. They also hold the server to
// what the revision demands of every message; what was wrong is in `client.wrong`.
import { Listeners, WireError, answer, answers, capabilities, shown, timeout } from './common.mjs';
import { http } from './raw-http.mjs';
import { sse } from './raw-sse.mjs';
import { stdio } from './raw-stdio.mjs';

const key = 'io.modelcontextprotocol/';
const cacheable = new Set(['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list', 'resources/read', 'server/discover']);

export async function connect(target) {
  const self = new Raw(target.version, target.bare);
  self.wire = await { http, sse, stdio }[target.transport](target, self);
  await self.open();
  return self;
}

class Raw {
  seen = []; // {from: 'server' | 'client', message}
  wrong = [];
  answers = answers();
  heard = new Listeners();
  pending = new Map();
  next = 100;

  constructor(version, bare) {
    this.version = version;
    this.capabilities = capabilities(version, bare);
    this.era = version >= '2026' ? 'new' : 'old';
  }
  async open() {
    if (this.era === 'new') {
      const { supportedVersions } = await this.get('server/discover', {});
      if (!supportedVersions.includes(this.version)) throw new Error(`server/discover lists ${supportedVersions}`);
      return;
    }
    const got = await this.get('initialize', { protocolVersion: this.version, capabilities: this.capabilities, clientInfo: { name: 'matrix-raw', version: '1' } }, { id: 'init' });
    if (got.protocolVersion !== this.version) throw new Error(`asked for ${this.version}, got ${got.protocolVersion}`);
    await this.notify('notifications/initialized');
    await this.wire.opened?.();
  }
  on(method, handler) {
    return this.heard.on(method, handler);
  }
  write(message, exchange) {
    this.seen.push({ from: 'client', message });
    return this.wire.send(message, exchange);
  }
  notify(method, params) {
    return this.write({ jsonrpc: '2.0', method, ...(params ? { params } : {}) });
  }

  // A message from the server; exchange: the request on whose own stream it came, where the wire has such.
  receive(message, exchange) {
    this.seen.push({ from: 'server', message });
    if (message.jsonrpc !== '2.0') this.wrong.push(`no jsonrpc: ${JSON.stringify(message)}`);
    if (message.method !== undefined && message.id !== undefined) return void this.reply(message).catch((error) => this.closed || this.wrong.push(`the answer did not arrive: ${error.message}`));
    if (message.method !== undefined) return this.heard.tell(message.method, message.params);
    const id = JSON.stringify(message.id);
    const waiting = exchange && JSON.stringify(exchange.id) === id ? exchange : exchange ? undefined : this.pending.get(id);
    if (!waiting) return this.wrong.push(`an answer nobody asked for: ${JSON.stringify(message)}`);
    this.pending.delete(id);
    if (message.error) waiting.fail(new WireError(message.error.code, message.error.message, message.error.data));
    else waiting.done(message.result);
  }
  async reply({ id, method, params }) {
    if (this.era === 'new') return this.wrong.push(`a request to a client of ${this.version}: ${method}`);
    let said;
    try {
      said = { result: await answer(this.answers, method, params) };
    } catch (error) {
      said = { error: { code: error.code ?? -32603, message: error.message } };
    }
    await this.write({ jsonrpc: '2.0', id, ...said });
  }

  // One request, one answer.
  once(method, params, { id = ++this.next, signal } = {}) {
    const mine = { ...params };
    if (this.era === 'new')
      mine._meta = {
        ...params._meta,
        [`${key}protocolVersion`]: this.version,
        [`${key}clientInfo`]: { name: 'matrix-raw', version: '1' },
        [`${key}clientCapabilities`]: this.capabilities,
        ...(this.level ? { [`${key}logLevel`]: this.level } : {}),
      };
    return new Promise((done, fail) => {
      const timer = setTimeout(() => fail(new Error(`no answer to ${method}`)), timeout);
      const exchange = { id, signal };
      exchange.done = (result) => (clearTimeout(timer), done(result));
      exchange.fail = (error) => (clearTimeout(timer), fail(error));
      this.pending.set(JSON.stringify(id), exchange);
      signal?.addEventListener('abort', () => {
        if (!this.wire.abort) this.notify('notifications/cancelled', { requestId: id, reason: 'enough' }).catch(() => {});
        exchange.fail(new Error('aborted'));
      });
      Promise.resolve(this.write({ jsonrpc: '2.0', id, method, params: mine }, exchange)).catch(exchange.fail);
    });
  }
  // The rounds of one request of the new revision, each under a new id, with the state as it was given.
  async get(method, params = {}, options) {
    let result = await this.once(method, params, options);
    if (this.era === 'old') return result;
    this.check(method, result);
    for (let round = 0; result.resultType === 'input_required' && round < 10; ++round) {
      const entries = Object.entries(result.inputRequests ?? {}).map(async ([name, one]) => [name, await answer(this.answers, one.method, one.params)]);
      const retry = { ...params, inputResponses: Object.fromEntries(await Promise.all(entries)) };
      if (result.requestState !== undefined) retry.requestState = result.requestState;
      result = await this.once(method, retry, { ...options, id: undefined });
      this.check(method, result);
    }
    return result;
  }
  check(method, result) {
    if (typeof result.resultType !== 'string') this.wrong.push(`${method}: no resultType`);
    if (cacheable.has(method) && result.resultType === 'complete' && !(Number.isInteger(result.ttlMs) && ['public', 'private'].includes(result.cacheScope)))
      this.wrong.push(`${method}: ttlMs ${result.ttlMs}, cacheScope ${result.cacheScope}`);
  }

  async call(name, given = {}, { onprogress, signal, meta, task, token, id } = {}) {
    const progressToken = token ?? (onprogress ? `t${++this.next}` : undefined);
    const stop = onprogress && this.on('notifications/progress', (params) => params.progressToken === progressToken && onprogress(params));
    const all = { ...meta, ...(progressToken === undefined ? {} : { progressToken }) };
    try {
      return await this.get('tools/call', { name, arguments: given, ...(Object.keys(all).length ? { _meta: all } : {}), ...(task ? { task } : {}) }, { signal, id });
    } finally {
      stop?.();
    }
  }
  list(what, cursor) {
    return this.get(shown[what], cursor === undefined ? {} : { cursor });
  }
  async setLevel(level) {
    if (this.era === 'new') this.level = level;
    else await this.get('logging/setLevel', { level });
  }
  async watch({ uris = [], what = [] }) {
    if (this.era === 'old') {
      for (const uri of uris) await this.get('resources/subscribe', { uri });
      return { close: () => Promise.all(uris.map((uri) => this.get('resources/unsubscribe', { uri }))) };
    }
    const id = `listen-${++this.next}`;
    const filter = { ...(uris.length ? { resourceSubscriptions: uris } : {}), ...Object.fromEntries(what.map((one) => [`${one}ListChanged`, true])) };
    const from = this.seen.length;
    const stop = new AbortController();
    const acknowledged = new Promise((done) => this.on('notifications/subscriptions/acknowledged', (params) => params._meta?.[`${key}subscriptionId`] === id && done(params.notifications)));
    const ended = this.once('subscriptions/listen', { notifications: filter }, { id, signal: stop.signal });
    const agreed = await Promise.race([acknowledged, ended.then(() => Promise.reject(new Error('the stream ended')))]);
    ended.catch(() => {});
    if (JSON.stringify(Object.keys(agreed).sort()) !== JSON.stringify(Object.keys(filter).sort())) throw new Error(`acknowledged ${JSON.stringify(agreed)}`);
    const mine = () => this.seen.slice(from).filter(({ from: who, message }) => who === 'server' && message.params?._meta?.[`${key}subscriptionId`] === id);
    if (mine()[0].message.method !== 'notifications/subscriptions/acknowledged') throw new Error('the acknowledgement was not first');
    return { id, close: async () => stop.abort() };
  }
  async close() {
    this.closed = true;
    await this.wire.close();
  }
}
