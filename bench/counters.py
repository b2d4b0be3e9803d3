#!/usr/bin/env python3
"""What one pass-through call costs, exactly: user instructions under callgrind (one connection, difference of two
runs), to a server with one endpoint and with three that are balanced and probed by default, and system calls under
strace (64 connections, three endpoints). Compared with bench/baseline.json: more than 5 % more instructions, or more
than 2.02 receives or sends or 0.05 log writes per call, fails.
Usage: bench/counters.py [--update]. Ends only what it started."""
import json, os, re, socket, subprocess, sys, tempfile, time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, 'build', 'release')
BASELINE = os.path.join(ROOT, 'bench', 'baseline.json')
BALANCED_GOAL = 16800
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


def run_under(prefix, stubs, calls, connections):
    port = free_port()
    config = os.path.join(folder, 'weir.yaml')
    with open(config, 'w') as f:
        endpoints = [f'http://127.0.0.1:{stub}/mcp' for stub in stubs]
        json.dump({'threads': 1, 'listen': f'127.0.0.1:{port}', 'admin': False, 'servers': {'stub': {'endpoints': endpoints}}}, f)
    p = subprocess.Popen(prefix + [os.path.join(BUILD, 'weir'), 'run', config], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        for line in p.stdout:
            if re.match(r'\s+stub\s+\d+ tools', line):
                break
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
    for name, most in (('receives', 2.02), ('sends', 2.02), ('writes', 0.05)):
        if now[name] > most:
            wrong.append(f'{now[name]} {name}, at most {most}')
    for line in wrong:
        print('FAIL ' + line)
    return 1 if wrong else 0


sys.exit(main())
