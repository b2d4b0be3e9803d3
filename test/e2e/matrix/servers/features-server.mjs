// What every server of the matrix does, free of any SDK: a map from method to handler. A flavour gives each handler a
// context: {meta, signal, progress(params), log(level, data), responses, state, session, prefixed(code, text)}. A handler
// that needs input returns {ask: {key: request}, state}; the flavour asks in its own way and calls it again with the
// answers. SDK clients on pipes and SSE lose a progress message that they read together with the result, so handlers
// that emit wait before their result, long enough for a busy machine.
import fs from 'node:fs';
import path from 'node:path';

const text = (value) => ({ content: [{ type: 'text', text: typeof value === 'string' ? value : JSON.stringify(value) }] });
const wait = (ms, signal) => new Promise((done) => {
  const timer = setTimeout(done, ms);
  signal?.addEventListener('abort', () => (clearTimeout(timer), done()), { once: true });
});
export const settle = (ms = 150) => wait(ms);

const plain = { type: 'object' };
const form = (message) => ({
  method: 'elicitation/create',
  params: { mode: 'form', message, requestedSchema: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] } },
});
const sampling = (message) => ({
  method: 'sampling/createMessage',
  params: { messages: [{ role: 'user', content: { type: 'text', text: message } }], maxTokens: 10 },
});

// name: [input schema, what it does, more members of the definition]
const tools = {
  echo: [plain, ({ text: said }) => text(said)],
  fail: [plain, () => ({ ...text('it failed'), isError: true })],
  structured: [
    plain,
    ({ n }) => ({ ...text({ n, double: 2 * n }), structuredContent: { n, double: 2 * n } }),
    { outputSchema: { type: 'object', properties: { n: { type: 'number' }, double: { type: 'number' } }, required: ['n', 'double'] } },
  ],
  progress: [plain, async ({ count }, ctx) => {
    for (let i = 1; i <= count; ++i) await ctx.progress({ progress: i, total: count, message: `step ${i}` });
    await settle(400);
    return text('done');
  }],
  log: [plain, async (_, ctx) => {
    for (const level of ['debug', 'info', 'warning', 'error']) await ctx.log(level, `a ${level}`);
    await settle();
    return text('logged');
  }],
  // What a server saw of a cancellation is left as a file: the check reads it whatever way the calls went.
  slow: [plain, async ({ key }, ctx) => {
    fs.writeFileSync(path.join(ctx.folder, `begun-${key}`), '');
    await wait(6000, ctx.signal);
    if (ctx.signal.aborted) fs.writeFileSync(path.join(ctx.folder, `aborted-${key}`), '');
    return text('too late');
  }],
  ask_form: [plain, ({ label }, ctx) => (ctx.responses ? text(ctx.responses.q) : { ask: { q: form(label) }, state: label })],
  ask_url: [plain, ({ label }, ctx) =>
    ctx.responses ? text({ action: ctx.responses.q.action }) : { ask: { q: { method: 'elicitation/create', params: { mode: 'url', message: label, url: 'https://example.com/pay?id=7' } } }, state: label }],
  ask_sampling: [plain, ({ label }, ctx) => (ctx.responses ? text(ctx.responses.q.content.text) : { ask: { q: sampling(label) } })],
  ask_roots: [plain, (_, ctx) => (ctx.responses ? text(ctx.responses.q.roots) : { ask: { q: { method: 'roots/list' } } })],
  // Three rounds, the second with two questions at once; what was said so far travels in the state.
  ask_rounds: [plain, ({ label, by }, ctx) => {
    const heard = ctx.state ? JSON.parse(ctx.state) : { round: 0, said: [] };
    for (const key of Object.keys(ctx.responses ?? {}).sort()) heard.said.push(ctx.responses[key].content.name ?? ctx.responses[key].content.text);
    if (++heard.round > 3) return text(heard.said);
    const question = (which) => (by === 'sampling' ? sampling : form)(`${label} ${heard.round}${which}`);
    return { ask: heard.round === 2 ? { a: question('a'), b: question('b') } : { a: question('a') }, state: JSON.stringify(heard) };
  }],
  change: [plain, async ({ what, token }, ctx) => {
    await ctx.hub.change(what, token);
    await settle();
    return text('changed');
  }],
  meta: [plain, (_, ctx) => ({ ...text(ctx.meta), _meta: { 'example.com/back': { b: [1, null] } } })],
  protocol_error: [plain, () => {
    throw Object.assign(new Error('No such tea'), { code: 4242, data: { kettle: 1, list: ['a', null] } });
  }],
  prefixed_error: [plain, (_, ctx) => {
    throw ctx.prefixed(4243, 'No such tea');
  }],
};

export const toolNames = Object.keys(tools);
const prompts = ['greet', 'ask', 'p1', 'p2', 'p3'];
const resources = ['static', 'blob', 'watched', 'ask', 'r1'].map((name) => ({ name, uri: `test://${name}` }));
const templates = ['item', 't1', 't2', 't3', 't4'].map((name) => ({ name, uriTemplate: `test://${name}/{id}` }));

// Pages of four, so that every list has at least two.
function page(member, all, cursor) {
  const from = Number(cursor ?? 0);
  return { [member]: all.slice(from, from + 4), ...(from + 4 < all.length ? { nextCursor: String(from + 4) } : {}) };
}

// Everybody who wants to hear of changes: {notify(method, params), wants(uri)}.
export class Hub {
  listeners = new Set();
  extra = {};
  async change(what, token) {
    if (what === 'updated') return this.tell('notifications/resources/updated', { uri: token }, (one) => one.wants(token));
    this.extra[what] = token;
    return this.tell(`notifications/${what}/list_changed`);
  }
  tell(method, params, which = () => true) {
    return Promise.all([...this.listeners].filter(which).map((one) => Promise.resolve(one.notify(method, params)).catch(() => {})));
  }
}

export function capabilities() {
  return { tools: { listChanged: true }, prompts: { listChanged: true }, resources: { listChanged: true, subscribe: true }, logging: {}, completions: {} };
}

// more: definitions of tools that one flavour alone has.
export function features(hub, folder, more = {}) {
  const own = { ...tools, ...more };
  const added = (what) => (hub.extra[what] ? [hub.extra[what]] : []);
  const unknown = (kind, name) => Object.assign(new Error(`no ${kind} ${name}`), { code: -32602 });
  return {
    'tools/list': ({ cursor }) => page('tools', [...Object.keys(own), ...added('tools')].map((name) => ({ name, description: `does ${name}`, inputSchema: own[name]?.[0] ?? plain, ...own[name]?.[2] })), cursor),
    'tools/call': ({ name, arguments: args = {} }, ctx) => {
      if (!own[name]) throw unknown('tool', name);
      return own[name][1](args, { ...ctx, hub, folder });
    },
    'prompts/list': ({ cursor }) => page('prompts', [...prompts, ...added('prompts')].map((name) => ({ name, arguments: [{ name: 'name', required: name === 'greet' }] })), cursor),
    'prompts/get': ({ name, arguments: args = {} }, ctx) => {
      if (name === 'ask') return ctx.responses ? { messages: [{ role: 'user', content: ctx.responses.q.content }] } : { ask: { q: sampling('for a prompt') }, state: 'p' };
      if (name !== 'greet') throw unknown('prompt', name);
      return { description: 'a greeting', messages: [{ role: 'user', content: { type: 'text', text: `Hello ${args.name}` } }] };
    },
    'resources/list': ({ cursor }) => page('resources', [...resources, ...added('resources').map((name) => ({ name, uri: `test://${name}` }))], cursor),
    'resources/templates/list': ({ cursor }) => page('resourceTemplates', templates, cursor),
    'resources/read': ({ uri }, ctx) => {
      if (uri === 'test://blob') return { contents: [{ uri, mimeType: 'application/octet-stream', blob: 'AAEC/w==' }] };
      if (uri === 'test://ask') return ctx.responses ? { contents: [{ uri, text: ctx.responses.q.content.text }] } : { ask: { q: sampling('for a resource') }, state: 'r' };
      const item = /^test:\/\/item\/(.+)$/.exec(uri);
      if (item) return { contents: [{ uri, mimeType: 'text/plain', text: `item ${item[1]}` }] };
      if (resources.some((one) => one.uri === uri)) return { contents: [{ uri, mimeType: 'text/plain', text: `the text of ${uri}` }] };
      throw ctx.notFound(uri);
    },
    'completion/complete': ({ ref, argument }) => {
      const all = ref.type === 'ref/prompt' ? ['ada', 'alan', 'bob'] : ['4', '42', '7'];
      const values = all.filter((one) => one.startsWith(argument.value));
      return { completion: { values, total: values.length, hasMore: false } };
    },
  };
}
