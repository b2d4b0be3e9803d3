// The processes of one column: a server, and a gateway in front of it. Each client's cell is told how to reach them.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Weir, binary, until } from '../weir.mjs';

export class Column {
  static async start({ server, by }, direct) {
    const self = new Column();
    Object.assign(self, { server, by, direct, folder: fs.mkdtempSync(path.join(os.tmpdir(), 'weir-matrix-')) });
    try {
      await self.begin();
    } catch (error) {
      await self.stop();
      throw error;
    }
    return self;
  }
  async begin() {
    const args = [this.server.file, this.by, this.folder];
    if (this.by === 'stdio') {
      this.upstream = { command: process.execPath, args };
    } else {
      this.child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
      let out = '';
      this.child.stdout.on('data', (data) => (out += data));
      const url = await until(() => /URL (\S+)\n/.exec(out)?.[1] ?? (this.child.exitCode !== null && 'ended'), 30000, 'the server');
      if (url === 'ended') throw new Error(`${this.server.flavour} over ${this.by} did not start`);
      this.upstream = { url, ...(this.by === 'sse' ? { type: 'sse' } : {}) };
    }
    if (this.direct) return;
    const config = { servers: { m: this.upstream }, timeout: { list: '20s' } }; // whatever else the machine does
    // What `weir stdio` reads: each such client has a gateway of its own.
    this.file = path.join(this.folder, 'weir.json');
    fs.writeFileSync(this.file, JSON.stringify({ ...config, admin: false, listen: '127.0.0.1:0' }));
    this.weir = await Weir.start(config);
    await this.weir.settled().catch(() => {});
  }
  // How a client reaches it by a transport.
  target(by) {
    if (this.direct) return { transport: by, ...this.upstream };
    if (by === 'stdio') return { transport: by, command: binary, args: ['stdio', this.file] };
    return { transport: by, url: by === 'sse' ? this.weir.url.replace(/\/mcp$/, '/sse') : this.weir.url };
  }
  // Gives how the gateway ended.
  async stop() {
    const how = await this.weir?.stop();
    if (this.child?.exitCode === null) {
      this.child.stdin.end();
      const exited = new Promise((done) => this.child.on('exit', done));
      const timer = setTimeout(() => this.child.kill('SIGKILL'), 2000);
      await exited;
      clearTimeout(timer);
    }
    fs.rmSync(this.folder, { recursive: true, force: true });
    return how;
  }
}
