// What every client of the matrix offers to the checks, and what they share.
//
//   connect({transport, url | command, args, version, bare}) -> client     bare: it declares no capability
//   client.call(name, arguments, {onprogress, signal, meta, task})   a tool; input asked for meanwhile is answered
//   client.list(what, cursor)      one page of 'tools', 'prompts', 'resources', 'resources/templates'
//   client.get(method, params)     any other request of either era
//   client.setLevel(level)         logging/setLevel, or the level of all further requests
//   client.watch({uris, what})     subscribes; the answer has close(). what: a list of 'tools', 'prompts', 'resources'
//   client.on(method, handler)     notifications; gives back how to stop
//   client.answers                 {elicit(params), sample(params), roots()}: what the user would say
//   client.close()
// Errors of the protocol are thrown as WireError, as they were on the wire.
export class WireError extends Error {
  constructor(code, message, data) {
    super(message);
    Object.assign(this, { code, data });
  }
}

export const timeout = 30000;

// Every question is answered from what it asks, so that mixed up answers are seen.
export function answers() {
  return {
    elicit: (params) => ({ action: 'accept', content: { name: `form:${params.message}` } }),
    sample: (params) => ({ role: 'assistant', model: 'm', stopReason: 'endTurn', content: { type: 'text', text: `sample:${params.messages[0].content.text}` } }),
    roots: () => ({ roots: [{ uri: 'file:///work', name: 'work' }] }),
  };
}

export function answer(all, method, params) {
  if (method === 'elicitation/create') return all.elicit(params);
  if (method === 'sampling/createMessage') return all.sample(params);
  if (method === 'roots/list') return all.roots();
  if (method === 'ping') return {};
  throw new WireError(-32601, `no ${method}`);
}

// What the revision lets a client declare.
export function capabilities(version, bare) {
  if (bare) return {};
  return {
    sampling: {},
    roots: {},
    ...(version >= '2025-11-25' ? { elicitation: { form: {}, url: {} } } : version >= '2025-06-18' ? { elicitation: {} } : {}),
  };
}

export class Listeners {
  all = new Map();
  on(method, handler) {
    if (!this.all.has(method)) this.all.set(method, new Set());
    this.all.get(method).add(handler);
    return () => this.all.get(method).delete(handler);
  }
  tell(method, params) {
    for (const handler of this.all.get(method) ?? []) handler(params);
  }
}

export const observed = [
  'notifications/message',
  'notifications/resources/updated',
  'notifications/tools/list_changed',
  'notifications/prompts/list_changed',
  'notifications/resources/list_changed',
];
export const shown = { tools: 'tools/list', prompts: 'prompts/list', resources: 'resources/list', 'resources/templates': 'resources/templates/list' };
