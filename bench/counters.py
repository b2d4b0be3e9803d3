#!/usr/bin/env python3
"""What one pass-through call costs, exactly: user instructions under callgrind (one connection, difference of two
runs), to a server with one endpoint and with three that are balanced and probed by default, and system calls under
strace (64 connections, three endpoints). And what a call costs that is refused: by a bulkhead that is full (1004), and
because nobody is there (1005). Compared with bench/baseline.json: more than 5 % more instructions,
or more than 2.02 receives or sends or 0.05 log writes per call, fails.
Usage: bench/counters.py [--update]. Ends only what it started."""
import http.server, json, os, re, socket, subprocess, sys, tempfile, threading, urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, 'build', 'release')
BASELINE = os.path.join(ROOT, 'bench', 'baseline.json')
BALANCED_GOAL = 16800
REFUSED_GOAL = 8000
BODY = ('{"jsonrpc":"2.0","id":1234567,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hello hello hello"},'
        '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}')
HEADERS = ['Content-Type: application/json', 'Accept: application/json, text/event-stream', 'MCP-Protocol-Version: 2026-07-28',
           'Mcp-Method: tools/call', 'Mcp-Name: echo']
folder = tempfile.mkdtemp(prefix='weir-counters-')


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def load(port, calls, connections):
    body = os.path.join(folder, 'body.json')
    with open(body, 'w') as f:
        f.write(BODY)
    args = ['h2load', '--h1', '-n', str(calls), '-c', str(connections), '-d', body]
    for header in HEADERS:
        args += ['-H', header]
    text = subprocess.run(args + [f'http://127.0.0.1:{port}/mcp'], capture_output=True, text=True).stdout
    if f'{calls} 2xx' not in text:
        sys.exit('calls failed:\n' + text)


class Hanging(http.server.BaseHTTPRequestHandler):
    """A server that never answers a call; it counts them."""
    protocol_version = 'HTTP/1.1'
    calls = threading.Semaphore(0)
    over = threading.Event()
    open = set()

    def setup(self):
        super().setup()
        self.open.add(self.request)

    def finish(self):
        self.open.discard(self.request)
        super().finish()

    def log_message(self, *_):
        pass

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        if asked['method'] == 'tools/call':
            self.calls.release()
            self.over.wait()
            return
        result = {'resultType': 'complete', 'ttlMs': 0, 'cacheScope': 'private'}
        if asked['method'] == 'server/discover':
            result.update(supportedVersions=['2026-07-28'], capabilities={'tools': {}})
        else:
            result['tools'] = [{'name': 'echo', 'inputSchema': {'type': 'object'}}]
        body = json.dumps({'jsonrpc': '2.0', 'id': asked.get('id'), 'result': result}).encode()
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def one_call(port):
    request = urllib.request.Request(f'http://127.0.0.1:{port}/mcp', BODY.encode(), dict(h.split(': ') for h in HEADERS))
    with urllib.request.urlopen(request) as answer:
        return json.load(answer).get('error', {}).get('code')


def fill(port, _):
    threading.Thread(target=lambda: one_call(port), daemon=True).start()
    Hanging.calls.acquire()
    if one_call(port) != 1004:
        sys.exit('a full bulkhead refuses nothing')


def leave(port, server):
    server.shutdown()
    server.server_close()
    for connection in list(Hanging.open):
        connection.shutdown(socket.SHUT_RDWR)
    while one_call(port) != 1005:
        pass


def instructions_refused(before):
    """`before`: what makes it refuse, once it knows the server."""
    totals = []
    for calls in (300, 1300):
        Hanging.over.clear()
        server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Hanging)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        out = os.path.join(folder, f'callgrind.refused.{calls}')
        # Probes are another matter.
        more = {'bulkhead': {'max_concurrent': 1, 'max_queue': 0}, 'health_check': {'interval': '1h'}}
        run_under(['valgrind', '--tool=callgrind', f'--callgrind-out-file={out}'], [server.server_address[1]], calls, 1, more,
                  lambda port: before(port, server))
        Hanging.over.set()
        with open(out) as f:
            totals.append(int(re.search(r'^(?:summary|totals): (\d+)', f.read(), re.M).group(1)))
    return (totals[1] - totals[0]) / 1000


def run_under(prefix, stubs, calls, connections, more={}, before=None):
    port = free_port()
    config = os.path.join(folder, 'weir.yaml')
    with open(config, 'w') as f:
        endpoints = [f'http://127.0.0.1:{stub}/mcp' for stub in stubs]
        json.dump({'threads': 1, 'listen': f'127.0.0.1:{port}', 'admin': False, 'drain_timeout': '100ms', 'servers': {'stub': {'endpoints': endpoints, **more}}}, f)
    p = subprocess.Popen(prefix + [os.path.join(BUILD, 'weir'), 'run', config], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        for line in p.stdout:
            if re.match(r'\s+stub\s+\d+ tools', line):
                break
        if before:
            before(port)
        load(port, calls, connections)
    finally:
        children = subprocess.run(['pgrep', '-P', str(p.pid)], capture_output=True, text=True).stdout.split()
        for pid in children or [str(p.pid)]:
            os.kill(int(pid), 15)
        p.wait()


def instructions(stubs):
    totals = []
    for calls in (300, 1300):
        out = os.path.join(folder, f'callgrind.{calls}')
        run_under(['valgrind', '--tool=callgrind', f'--callgrind-out-file={out}'], stubs, calls, 1)
        with open(out) as f:
            totals.append(int(re.search(r'^(?:summary|totals): (\d+)', f.read(), re.M).group(1)))
    return (totals[1] - totals[0]) / 1000


def system_calls(stubs):
    counts = []
    for calls in (2000, 12000):
        out = os.path.join(folder, f'strace.{calls}')
        run_under(['strace', '-f', '-c', '-o', out], stubs, calls, 64)
        got = {}
        with open(out) as f:
            for line in f:
                m = re.match(r'\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$', line)
                if m:
                    got[m.group(2)] = int(m.group(1))
        counts.append(got)
    per = {name: (counts[1].get(name, 0) - counts[0].get(name, 0)) / 10000 for name in counts[1]}
    total = lambda *names: sum(per.get(n, 0) for n in names)
    return {'receives': total('recvfrom', 'recvmsg', 'read', 'readv'), 'sends': total('sendto', 'sendmsg', 'writev'),
            'writes': total('write')}


def main():
    stubs = [subprocess.Popen([os.path.join(BUILD, 'bench_stub_server')], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    ports = [int(stub.stdout.readline()) for stub in stubs]
    try:
        now = {'instructions': round(instructions(ports[:1])), 'instructions balanced': round(instructions(ports))}
        now['instructions refused, full'] = round(instructions_refused(fill))
        now['instructions refused, down'] = round(instructions_refused(leave))
        now.update({k: round(v, 3) for k, v in system_calls(ports).items()})
    finally:
        for stub in stubs:
            stub.kill()
            stub.wait()
    print('per pass-through call: ' + ', '.join(f'{v} {k}' for k, v in now.items()))
    if '--update' in sys.argv:
        with open(BASELINE, 'w') as f:
            json.dump({name: now[name] for name in now if name.startswith('instructions')}, f)
            f.write('\n')
        return 0
    with open(BASELINE) as f:
        base = json.load(f)
    wrong = []
    for name in base:
        if now[name] > base[name] * 1.05:
            wrong.append(f'{now[name]} {name}, {base[name]} before')
    if now['instructions balanced'] > BALANCED_GOAL:
        print(f'above the goal of {BALANCED_GOAL} instructions with three endpoints')
    for name in base:
        if 'refused' in name and now[name] > REFUSED_GOAL:
            print(f'above the goal of {REFUSED_GOAL}: {now[name]} {name}')
    for name, most in (('receives', 2.02), ('sends', 2.02), ('writes', 0.05)):
        if now[name] > most:
            wrong.append(f'{now[name]} {name}, at most {most}')
    for line in wrong:
        print('FAIL ' + line)
    return 1 if wrong else 0


sys.exit(main())
