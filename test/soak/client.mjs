// A client that holds everything it gets against what it asked for. Ids, tokens and subscription ids count alike in every
// client; only the nonces differ. What came to the wrong place is in `crossed`, what was doubled or unasked too.
import { spawn } from 'node:child_process';
import http from 'node:http';
import readline from 'node:readline';

const prefix = 'io.modelcontextprotocol/';
const wanted = { elicitation: {}, sampling: {} };

// The blocks of an event stream: on(type, data).
function events(answer, on) {
  let rest = '';
  answer.setEncoding('utf8');
  answer.on('data', (part) => {
    const blocks = (rest + part).split('\n\n');
    rest = blocks.pop();
    for (const block of blocks) {
      const lines = block.split('\n');
      const field = (name) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      if (field('data')) on(field('event'), field('data'));
    }
  });
  answer.on('error', () => {});
}

export class Client {
  crossed = [];
  pending = new Map(); // by raw id: an exchange {id, nonce, token, steps, done, fail}
  nonces = new Set(); // of the calls under way
  updates = new Map(); // of each URI subscribed to: how many have come
  counts = { asked: 0, progress: 0, updates: 0 };
  next = 0;

  // by: 'http' | 'sse' | 'stdio'; address: whom the gateway takes it for.
  constructor({ name, version, by, url, command, address, patience = 30000 }) {
    Object.assign(this, { name, version, by, url, command, address, patience, modern: version >= '2026' });
    // Connections that rested are closed here first: who sends into one that Weir closes has lost what it sent.
    this.agent = new http.Agent({ keepAlive: true, localAddress: address, timeout: 20000 });
  }
  wrong(what, message) {
    this.crossed.push(`${this.name} (${this.version} by ${this.by}): ${what}: ${JSON.stringify(message).slice(0, 300)}`);
  }

  async open() {
    if (this.by === 'stdio') this.openPipes();
    if (this.by === 'sse') await this.openStream();
    if (this.modern) return;
    await this.once('initialize', { protocolVersion: this.version, capabilities: wanted, clientInfo: { name: 'soak', version: '1' } });
    await this.write({ jsonrpc: '2.0', method: 'notifications/initialized' });
    if (this.by !== 'http') return;
    const answer = await this.http('GET', this.url, this.headers());
    if (answer.statusCode !== 200) throw new Error(`GET: HTTP ${answer.statusCode}`);
    events(answer, (_, data) => this.receive(JSON.parse(data)));
  }
  openPipes() {
    this.child = spawn(...this.command, { stdio: ['pipe', 'pipe', 'ignore'] });
    this.child.stdin.on('error', () => {});
    readline.createInterface({ input: this.child.stdout }).on('line', (line) => this.receive(JSON.parse(line)));
  }
  async openStream() {
    const answer = await this.http('GET', this.url, { Accept: 'text/event-stream' });
    await new Promise((done) => events(answer, (type, data) => (type === 'endpoint' ? done((this.endpoint = new URL(data, this.url))) : this.receive(JSON.parse(data)))));
  }
  http(method, url, headers, body = '') {
    return new Promise((done, fail) => {
      const sent = http.request(url, { method, agent: this.agent, headers: { ...headers, 'Content-Length': Buffer.byteLength(body) } }, done);
      sent.on('error', fail);
      sent.end(body);
      (this.open_requests ??= new Set()).add(sent);
      sent.on('close', () => this.open_requests.delete(sent));
    });
  }
  headers(message) {
    const all = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' };
    if (this.modern || message?.method !== 'initialize') all['MCP-Protocol-Version'] = this.version;
    if (this.session) all['Mcp-Session-Id'] = this.session;
    if (this.modern && message) all['Mcp-Method'] = message.method;
    const name = message?.params?.name ?? message?.params?.uri;
    if (this.modern && name !== undefined) all['Mcp-Name'] = name;
    return all;
  }

  async write(message, exchange) {
    const text = JSON.stringify(message);
    if (this.by === 'stdio') return void this.child.stdin.write(text + '\n');
    const answer = await this.http('POST', this.by === 'sse' ? this.endpoint : this.url, this.by === 'sse' ? { 'Content-Type': 'application/json' } : this.headers(message), text);
    this.session ??= answer.headers['mcp-session-id'];
    if (answer.headers['content-type']?.startsWith('text/event-stream')) {
      events(answer, (_, data) => this.receive(JSON.parse(data), exchange));
      answer.on('end', () => exchange.fail(new Error('the stream ended without an answer')));
      return;
    }
    const parts = [];
    for await (const part of answer) parts.push(part);
    const body = Buffer.concat(parts).toString();
    if (this.by === 'http' && exchange && body) return this.receive(JSON.parse(body), exchange);
    if (answer.statusCode >= 300) throw new Error(`HTTP ${answer.statusCode}: ${body}`);
  }

  // `on`: the exchange on whose own stream it came; none on a channel that all share.
  receive(message, on) {
    if (message.method === undefined) {
      const exchange = this.pending.get(JSON.stringify(message.id));
      if (!exchange || (on && on !== exchange)) return this.wrong('an answer to another request', message);
      if (message.error) return exchange.fail(Object.assign(new Error(message.error.message), message.error));
      return exchange.done(message.result);
    }
    if (message.id !== undefined) return void this.answer(message, on).catch((error) => this.closed || this.wrong(`its answer was not taken: ${error.message}`, message));
    if (message.method === 'notifications/progress') return this.progress(message, on);
    if (message.method === 'notifications/resources/updated') return this.updated(message, on);
    const listening = on ?? this.pending.get(JSON.stringify(message.params?._meta?.[`${prefix}subscriptionId`]));
    if (message.method === 'notifications/subscriptions/acknowledged' && listening?.listens) return listening.acknowledged(message.params.notifications);
    if (message.method.endsWith('/list_changed') && !this.modern) return; // old clients hear of it unasked
    return this.wrong('not asked for', message);
  }
  progress(message, on) {
    const { progressToken, progress, message: said } = message.params;
    const exchange = [...this.pending.values()].find((one) => one.token === progressToken);
    if (!exchange || (on && on !== exchange) || said !== `${exchange.nonce}#${progress}`) return this.wrong('progress of another call', message);
    if (progress !== ++exchange.steps) this.wrong(`progress ${exchange.steps} is missing`, message);
    ++this.counts.progress;
  }
  updated(message, on) {
    const { uri, _meta } = message.params;
    if (!this.updates.has(uri)) return this.wrong('an update not subscribed to', message);
    if (this.modern && ((on && !on.listens) || _meta?.[`${prefix}subscriptionId`] !== 'L')) return this.wrong('an update under another subscription', message);
    this.updates.set(uri, this.updates.get(uri) + 1);
    ++this.counts.updates;
    this.onupdate?.(uri);
  }

  // What the user would say, made from the question and from who was asked.
  reply(question, exchange) {
    const text = question.params.message ?? question.params.messages[0].content.text;
    // On pipes nothing tells which of a client's calls a question belongs to.
    const nonces = exchange && !exchange.mixed ? [exchange.nonce] : [...this.nonces];
    if (!nonces.some((one) => text.startsWith(`${one}/`))) this.wrong('a question of another call', question);
    ++this.counts.asked;
    const said = `${this.name} says ${text}`;
    if (question.method === 'elicitation/create') return { action: 'accept', content: { name: said } };
    return { role: 'assistant', model: 'm', content: { type: 'text', text: said } };
  }
  answer(message, on) {
    if (message.method === 'ping') return this.write({ jsonrpc: '2.0', id: message.id, result: {} });
    if (this.modern) this.wrong('a request to a client of the new revision', message);
    return this.write({ jsonrpc: '2.0', id: message.id, result: this.reply(message, on) });
  }

  once(method, params, more = {}) {
    const number = ++this.next;
    const id = more.id ?? (number % 2 ? number : String(number - 1)); // 1 and "1" are two ids
    const meta = { ...params._meta, ...(this.modern ? { [`${prefix}protocolVersion`]: this.version, [`${prefix}clientInfo`]: { name: 'soak', version: '1' }, [`${prefix}clientCapabilities`]: wanted } : {}) };
    const raw = JSON.stringify(id);
    let timer;
    return new Promise((done, fail) => {
      const exchange = Object.assign(more, { id, token: meta.progressToken, steps: more.steps ?? 0, done, fail });
      this.pending.set(raw, exchange);
      if (!more.listens) timer = setTimeout(() => fail(new Error(`no answer to ${method} ${more.nonce ?? ''}`)), this.patience);
      Promise.resolve(this.write({ jsonrpc: '2.0', id, method, params: { ...params, ...(Object.keys(meta).length ? { _meta: meta } : {}) } }, exchange)).catch(fail);
    }).finally(() => (clearTimeout(timer), this.pending.delete(raw)));
  }

  // One request with all its rounds. Questions are told by the stream they came on, or by the call that they ended;
  // `mixed`: on pipes, where any call of this client's may be asked.
  async ask(method, params, nonce, { steps = 0, mixed = false } = {}) {
    this.nonces.add(nonce);
    try {
      const number = this.next + 1;
      const whole = { ...params, ...(steps ? { _meta: { progressToken: number % 2 ? number : String(number - 1) } } : {}) };
      const exchange = { nonce, mixed };
      let result = await this.once(method, whole, exchange);
      for (let round = 0; this.modern && result.resultType === 'input_required'; ++round) {
        if (round === 9) throw new Error('rounds without end');
        const inputResponses = Object.fromEntries(Object.entries(result.inputRequests).map(([key, one]) => [key, this.reply(one, exchange)]));
        result = await this.once(method, { ...whole, inputResponses, requestState: result.requestState }, exchange);
      }
      if (exchange.steps !== steps) throw new Error(`${steps - exchange.steps} of ${steps} progress notifications are missing`);
      return result;
    } finally {
      this.nonces.delete(nonce);
    }
  }
  async call(name, args, more) {
    const result = await this.ask('tools/call', { name, arguments: args }, args.nonce, more);
    if (result.isError || !result.content) throw new Error(JSON.stringify(result));
    return JSON.parse(result.content[0].text);
  }
  async subscribe(uris) {
    for (const uri of uris) this.updates.set(uri, 0);
    if (!this.modern) {
      for (const uri of uris) await this.once('resources/subscribe', { uri });
      return;
    }
    const agreed = await new Promise((acknowledged, fail) => {
      this.once('subscriptions/listen', { notifications: { resourceSubscriptions: uris } }, { id: 'L', listens: true, acknowledged }).then(() => fail(new Error('listen ended')), fail);
    });
    if (agreed.resourceSubscriptions?.length !== uris.length) throw new Error(`${this.name}: ${JSON.stringify(agreed)} of ${uris}`);
  }
  async close() {
    this.closed = true;
    if (this.by === 'http' && this.session) await this.http('DELETE', this.url, this.headers()).then((answer) => answer.resume(), () => {});
    for (const one of this.open_requests ?? []) one.destroy();
    this.agent.destroy();
    if (!this.child) return;
    this.child.stdin.end();
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 5000);
    await new Promise((done) => this.child.on('exit', done));
    clearTimeout(timer);
  }
}
