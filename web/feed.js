// The live feed: keeps the newest state, tells of what has changed, comes back by itself when the connection is lost.
export class Feed {
  state = { servers: new Map(), order: [], events: [], head: {} };

  // on: {changed(names, whole), events(list), link(word, text)}
  constructor(url, on) {
    Object.assign(this, { url, on, wait: 500 });
    this.open();
  }
  open() {
    this.source = new EventSource(this.url);
    this.source.addEventListener('snapshot', (event) => this.take(JSON.parse(event.data), true));
    this.source.addEventListener('update', (event) => this.take(JSON.parse(event.data), false));
    this.source.addEventListener('end', () => this.again('the gateway has ended; looking for it'));
    this.source.onerror = () => this.again('connection lost; trying again');
  }
  // A source that was refused (503) never tries again by itself: one way for all.
  again(why) {
    this.source.close();
    this.on.link('lost', why);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.open(), this.wait);
    this.wait = Math.min(this.wait * 2, 5000);
  }
  take(told, whole) {
    const { state } = this;
    this.wait = 500;
    if (whole) {
      state.servers.clear();
      state.events = [];
    }
    const { servers = [], order, events = [], ...head } = told;
    Object.assign(state.head, head);
    for (const server of servers) state.servers.set(server.name, server);
    if (order) {
      state.order = order;
      const there = new Set(order);
      for (const name of state.servers.keys()) if (!there.has(name)) state.servers.delete(name);
    }
    state.events = state.events.concat(events).slice(-200);
    if (whole) this.on.link('live', 'live');
    this.on.changed(new Set([...servers.map((one) => one.name), ...events.map((one) => one.server)]), whole);
    if (events.length || whole) this.on.events(events, whole);
  }
}
