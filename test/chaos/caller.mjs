// A client that believes nothing: each of its calls ends as one record, and all that comes is held against what was asked.
// Its ids and progress tokens are those of every other client; only the keys differ, and nobody can guess one.
import http from 'node:http';
import { randomUUID } from 'node:crypto';
import { now } from '../e2e/replica_book.mjs';
import { accept, meta } from '../e2e/weir.mjs';

const tools = { read: 'read', same: 'same', write: 'write', bare: 'bare', slow: 'slow', patient: 'patient', cancel_read: 'slow', cancel_write: 'write' };
export const writes = ['write', 'bare', 'cancel_write'];
export const patience = 20000; // every deadline, and a slack that a busy machine keeps

// The request of a call: method, params, and what its answer must have to be the answer to it.
export function request({ server, kind, sse, ms }, key, prefixed) {
  const named = (name) => (prefixed ? `${server}__${name}` : name);
  const args = { key, ...(sse ? { sse } : {}) };
  const texts = (result) => JSON.parse(result.content[0].text);
  if (kind === 'resource') return { method: 'resources/read', params: { uri: `${server}://item/${key}` }, keys: (result) => [result.contents[0].text] };
  if (kind === 'prompt') return { method: 'prompts/get', params: { name: named('greet'), arguments: { key } }, keys: (result) => [result.messages[0].content.text] };
  if (kind === 'tools') return { method: 'tools/list', list: 'tools' };
  if (kind === 'prompts') return { method: 'prompts/list', list: 'prompts' };
  if (kind === 'templates') return { method: 'resources/templates/list', list: 'resourceTemplates' };
  if (kind === 'slow') Object.assign(args, { ms: 40 + ms * 3, steps: 3 });
  else if (kind === 'patient') args.ms = 60000;
  else if (kind.startsWith('cancel')) args.ms = 80;
  else if (ms) args.ms = ms;
  return { method: 'tools/call', params: { name: named(tools[kind]), arguments: args }, keys: (result) => [texts(result).key, ...(texts(result).by === server ? [] : [`of ${texts(result).by}`])], progress: kind === 'slow' };
}

export class Caller {
  next = 0;
  crossed = [];
  constructor(url, { version, from }, { prefixed = true, servers = [] } = {}) {
    Object.assign(this, { url, version, from, prefixed, servers, modern: version >= '2026', agent: new http.Agent({ keepAlive: true }) });
  }
  async open() {
    if (this.modern) return;
    const params = { protocolVersion: this.version, capabilities: {}, clientInfo: { name: 'chaos', version: '1' } };
    const answer = await this.post(JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params }));
    this.session = answer.headers?.['mcp-session-id'];
    if (!this.session) throw new Error(`no session: ${JSON.stringify(answer)}`);
    await this.post('{"jsonrpc":"2.0","method":"notifications/initialized"}');
  }
  // Lets go of connections that rest.
  close() {
    this.agent.destroy();
    this.agent = new http.Agent({ keepAlive: true });
  }
  // The whole answer: {status, headers, text}, or {closed} as the connection breaks; `sent` hands out the request.
  post(body, more = {}, sent = () => {}) {
    return new Promise((done) => {
      const headers = { ...accept, 'MCP-Protocol-Version': this.version, ...(this.session ? { 'Mcp-Session-Id': this.session } : {}), 'Content-Length': Buffer.byteLength(body), ...more };
      const out = http.request(this.url, { method: 'POST', agent: this.agent, localAddress: this.from, headers }, (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (part) => (text += part));
        answer.on('error', (error) => done({ closed: error.code }));
        answer.on('end', () => done(answer.complete ? { status: answer.statusCode, headers: answer.headers, text } : { closed: 'cut' }));
      });
      out.on('error', (error) => done({ closed: error.code }));
      out.end(body);
      sent(out);
    });
  }
  // Makes one call; its record: {kind, server, key, outcome: ok | error | aborted | closed | lost | http, code, reason, sent}.
  async call(plan) {
    const key = randomUUID();
    const id = ++this.next;
    const asked = request(plan, key, this.prefixed);
    const record = { ...plan, key, by: this.version, from: this.from, start: now() };
    const params = { ...asked.params, _meta: { ...(asked.progress ? { progressToken: id } : {}), ...(plan.kind === 'patient' ? { 'weir/timeoutMs': 300 } : {}) } };
    let body = JSON.stringify({ jsonrpc: '2.0', id, method: asked.method, params });
    if (this.modern) body = body.replace(/}}}$/, `${body.includes('"_meta":{}') ? '' : ','}${meta}}}}`);
    const name = params.name ?? params.uri;
    const heads = this.modern ? { 'Mcp-Method': asked.method, ...(name ? { 'Mcp-Name': name } : {}) } : {};
    const cancels = plan.kind.startsWith('cancel');
    let out;
    let timer;
    const late = new Promise((done) => (timer = setTimeout(() => done({ lost: true }), patience)));
    const answer = this.post(body, heads, (one) => (out = one));
    const leaves = cancels && setTimeout(() => this.leave(id, out), plan.abort);
    const got = await Promise.race([answer, late]);
    clearTimeout(timer);
    clearTimeout(leaves);
    record.end = now();
    if (got.lost) out.destroy();
    return Object.assign(record, got.lost ? { outcome: 'lost' } : this.judged(got, id, key, asked, cancels));
  }
  leave(id, out) {
    if (this.modern) return out.destroy();
    void this.post(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } }));
  }
  judged({ closed, status, headers, text }, id, key, asked, cancels) {
    const wrong = (what) => (this.crossed.push(`${what} (key ${key}): ${text?.slice(0, 400)}`), { outcome: 'wrong' });
    if (closed) return cancels ? { outcome: 'aborted' } : { outcome: 'closed', reason: closed };
    if (cancels && !text) return { outcome: 'aborted' };
    if (status !== 200) return { outcome: 'http', code: status, reason: text.slice(0, 200) };
    let all;
    try {
      all = String(headers['content-type']).startsWith('text/event-stream') ? text.split('\n').filter((line) => line.startsWith('data: {')).map((line) => JSON.parse(line.slice(6))) : [JSON.parse(text)];
    } catch {
      return wrong('no JSON');
    }
    let step = 0;
    for (const { method, params } of all.filter((one) => one.method)) {
      if (method !== 'notifications/progress') return wrong('not asked for');
      if (params.progressToken !== id || params.message !== key) return wrong('progress of another call');
      if (params.progress <= step) return wrong(`progress ${params.progress} after ${step}`);
      step = params.progress;
    }
    const answers = all.filter((one) => one.method === undefined);
    if (!answers.length && cancels) return { outcome: 'aborted' };
    if (answers.length !== 1) return wrong(`${answers.length} outcomes`);
    if (all.at(-1).method) return wrong('something after the answer');
    const [{ id: said, result, error }] = answers;
    if (said !== id) return wrong('an answer to another request');
    if (error) return { outcome: 'error', code: error.code, reason: error.data?.reason, sent: error.data?.sent, retry_after: error.data?.retry_after_ms, message: error.message };
    try {
      if (asked.list) return this.listed(result, asked.list) ?? { outcome: 'ok' };
      const keys = asked.keys(result);
      return keys.length === 1 && keys[0] === key ? { outcome: 'ok' } : wrong(`an answer with ${keys}`);
    } catch (fault) {
      return wrong(fault.message);
    }
  }
  // A list that lacks a server's part says so.
  listed(result, what) {
    const missing = new Set((result._meta?.['weir/partial']?.missing ?? []).map((one) => one.server));
    const text = JSON.stringify(result[what]);
    for (const server of this.servers)
      if (!missing.has(server) && !text.includes(what === 'resourceTemplates' ? `${server}://` : `"${server}__`)) {
        this.crossed.push(`${what} of ${server} are missing without a word: ${JSON.stringify(result).slice(0, 400)}`);
        return { outcome: 'wrong' };
      }
  }
}
