// The rows of servers: made once, patched in place, details only while open, lines only while in sight.
import { at, count, make, mark, ms, number, put, rate, sum, words } from './text.js';
import { Series, sparkline } from './spark.js';
import { Inside } from './inside.js';

const kRank = ['unhealthy', 'degraded', 'unknown', 'healthy'];
const kOpenUpTo = 5; // so few are shown whole from the start

class Row {
  rates = new Series();
  p99 = new Series();
  constructor(board, name) {
    Object.assign(this, { board, name, seen: false });
    const cell = (label) => make('span', label ? { 'data-label': label } : {});
    this.state = make('span', { class: 'pill' });
    this.title = make('span', { class: 'name' }, name);
    [this.ends, this.requests, this.errors, this.times, this.flight] = ['endpoints', 'requests', 'errors', 'p50 / p99', 'in flight'].map(cell);
    this.more = make('span', { class: 'more-text' });
    this.spark = sparkline();
    this.requestsText = make('span');
    this.requests.append(this.requestsText, this.spark.node);
    this.top = make('button', { type: 'button', class: 'top', 'aria-expanded': 'false' }, this.state, this.title, this.ends, this.requests, this.errors, this.times, this.flight, this.more);
    this.node = make('li', { class: 'row', 'data-server': name }, this.top);
    this.top.addEventListener('click', () => this.open(!this.inside));
    board.sight.observe(this.node);
  }
  get rank() {
    return kRank.indexOf(this.server.health);
  }
  open(yes) {
    if (yes === Boolean(this.inside)) return;
    mark(this.top, 'aria-expanded', String(yes));
    this.inside?.node.remove();
    this.inside = yes ? new Inside(this) : undefined;
    if (!yes) return;
    this.node.append(this.inside.node);
    this.inside.update(this.server, this.board.feed.state.events);
    this.inside.draw();
  }
  update(server) {
    this.server = server;
    const { rates, latency, endpoints } = server;
    const well = endpoints.filter((one) => one.state === 'healthy' || one.state === 'degraded').length;
    put(this.state, server.health);
    mark(this.state, 'data-state', server.health);
    put(this.ends, endpoints.length ? `${well} of ${endpoints.length} well` : 'no address yet');
    put(this.requestsText, rate(rates?.requests));
    put(this.errors, rate(rates?.errors));
    put(this.times, latency ? `${ms(latency.p50)} / ${ms(latency.p99)}` : '–');
    put(this.flight, number(server.in_flight) + (server.limit ? ` of ${server.limit}` : '') + (server.queued ? `, ${server.queued} waiting` : ''));
    const more = [server.panic && 'panic', sum(rates?.retries) && `retries ${rate(sum(rates.retries))}`, sum(rates?.hedges) && `hedges ${rate(sum(rates.hedges))}`, sum(rates?.fallbacks) && `fallbacks ${rate(sum(rates.fallbacks))}`, words(rates?.rejected) && `refused: ${words(rates.rejected)}`];
    const why = server.health === 'healthy' ? '' : (server.reason ?? endpoints.find((one) => one.reason)?.reason ?? '');
    put(this.more, more.filter(Boolean).join('; ') || why.slice(0, 120));
    this.text = [server.name, server.address, server.health, server.state, ...endpoints.flatMap((one) => [one.address, one.state, one.breaker])].join(' ').toLowerCase();
    this.inside?.update(server, this.board.feed.state.events);
  }
  sample() {
    this.rates.push(this.server.rates?.requests);
    this.p99.push(this.server.latency?.p99);
    if (!this.seen) return;
    this.spark.draw(this.rates);
    this.inside?.draw();
  }
}

export class Board {
  rows = new Map();
  constructor(feed) {
    this.feed = feed;
    this.sight = new IntersectionObserver((seen) => {
      for (const one of seen) {
        const row = this.rows.get(one.target.dataset.server);
        if (row) row.seen = one.isIntersecting;
      }
    });
    at('filter').addEventListener('input', () => this.arrange());
    at('order').addEventListener('change', () => this.arrange());
    at('rows').addEventListener('keydown', (event) => this.key(event));
  }
  // Gives what to say aloud: servers whose health is another one.
  update(names, whole) {
    const { servers } = this.feed.state;
    const spoken = [];
    const first = this.rows.size === 0;
    for (const [name, row] of this.rows) {
      if (servers.has(name)) continue;
      this.sight.unobserve(row.node);
      row.node.remove();
      this.rows.delete(name);
    }
    for (const name of whole ? servers.keys() : names) {
      const server = servers.get(name);
      if (!server) continue;
      const row = this.rows.get(name) ?? new Row(this, name);
      const before = row.server?.health;
      this.rows.set(name, row);
      row.update(server);
      if (before && before !== server.health) spoken.push(`${name} is ${server.health}`);
    }
    this.arrange();
    if (first && this.rows.size <= kOpenUpTo) for (const row of this.rows.values()) row.open(true);
    return spoken;
  }
  // Order and filter; a row is moved only if it is not where it belongs, and focus stays where it was.
  arrange() {
    const wanted = at('filter').value.trim().toLowerCase().split(/\s+/);
    const by = at('order').value;
    const places = new Map(this.feed.state.order.map((name, i) => [name, i]));
    const rows = [...this.rows.values()];
    const file = (a, b) => (places.get(a.name) ?? 0) - (places.get(b.name) ?? 0);
    if (by === 'worst') rows.sort((a, b) => a.rank - b.rank || file(a, b));
    else if (by === 'name') rows.sort((a, b) => (a.name < b.name ? -1 : 1));
    else rows.sort(file);
    const focused = document.activeElement;
    let next = at('rows').firstElementChild;
    let shown = 0;
    for (const row of rows) {
      const hide = !wanted.every((word) => row.text.includes(word));
      if (row.node.hidden !== hide) row.node.hidden = hide;
      shown += hide ? 0 : 1;
      if (row.node === next) next = next.nextElementSibling;
      else at('rows').insertBefore(row.node, next);
    }
    if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
    at('none').hidden = shown > 0 || rows.length === 0;
    put(at('shown'), shown === rows.length ? count(rows.length, 'server') : `${shown} of ${count(rows.length, 'server')}`);
  }
  sample() {
    for (const row of this.rows.values()) row.sample();
  }
  key(event) {
    if (!['ArrowDown', 'ArrowUp', 'Home', 'End'].includes(event.key) || !event.target.classList.contains('top')) return;
    const tops = [...at('rows').children].filter((one) => !one.hidden).map((one) => one.querySelector('.top'));
    const here = tops.indexOf(event.target);
    const next = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: tops.length - 1 }[event.key];
    event.preventDefault();
    tops[Math.max(0, Math.min(next, tops.length - 1))]?.focus();
  }
}
