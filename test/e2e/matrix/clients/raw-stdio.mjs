// A child's pipes, a message a line; anything else on its standard output is wrong.
import { spawn } from 'node:child_process';

export async function stdio({ command, args }, client) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const exited = new Promise((done) => child.on('exit', done).on('error', done));
  let rest = '';
  let complaint = '';
  child.stderr.on('data', (part) => (complaint = (complaint + part).slice(-300)));
  child.stdin.on('error', () => {});
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (part) => {
    const lines = (rest + part).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      let message;
      try {
        message = JSON.parse(line);
      } catch {
        client.wrong.push(`not a message: ${line}`);
        continue;
      }
      client.receive(message);
    }
  });
  exited.then((code) => {
    for (const one of client.pending.values()) one.fail(new Error(`the process ended (${code}): ${complaint.trim()}`));
  });
  return {
    send: async (message) => {
      child.stdin.write(JSON.stringify(message) + '\n');
    },
    async close() {
      child.stdin.end();
      const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
      await exited;
      clearTimeout(timer);
    },
  };
}
