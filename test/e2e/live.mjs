// A reader of /events of the admin address: keeps every message, and the state that they add up to.
import assert from 'node:assert/strict';
import http from 'node:http';
import { until } from './weir.mjs';

export class Live {
  static open(weir) {
    const self = new Live();
    Object.assign(self, { messages: [], servers: new Map(), order: [], events: [], head: {}, comments: 0, ended: false });
    self.agent = new http.Agent();
    return new Promise((done, fail) => {
      self.request = http.get(weir.admin + '/events', { agent: self.agent }, (answer) => {
        Object.assign(self, { answer, status: answer.statusCode, headers: answer.headers, text: '' });
        let held = '';
        answer.setEncoding('utf8');
        answer.on('data', (part) => {
          if (self.status !== 200) return void (self.text += part);
          const blocks = (held + part).split('\n\n');
          held = blocks.pop();
          blocks.forEach((block) => self.take(block));
        });
        answer.on('error', () => {});
        answer.on('end', () => (self.ended = answer.complete));
        done(self);
      });
      self.request.on('error', fail);
    });
  }
  take(block) {
    if (block.startsWith(':')) return void ++this.comments;
    const type = /^event: (.*)$/m.exec(block)[1];
    const data = JSON.parse(block.split('\n').filter((line) => line.startsWith('data: ')).map((line) => line.slice(6)).join('\n'));
    this.messages.push({ type, data });
    const { servers = [], order, events = [], ...head } = data;
    Object.assign(this.head, head);
    for (const one of servers) this.servers.set(one.name, one);
    if (order) this.order = order;
    this.events.push(...events);
    const numbers = this.events.map((one) => one.n);
    assert.deepEqual(numbers, numbers.map((_, i) => numbers[0] + i), 'events without gaps');
  }
  updates() {
    return this.messages.filter(({ type }) => type === 'update');
  }
  endpoint(replica, server = 'weather') {
    return this.servers.get(server)?.endpoints.find((one) => one.address === (replica.url ?? replica));
  }
  async until(probe, what, ms = 30000) {
    return until(() => probe(this), ms, `the feed: ${what}`);
  }
  close() {
    this.request.on('error', () => {});
    this.request.destroy();
    this.agent.destroy();
  }
}
