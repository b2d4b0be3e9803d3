#!/usr/bin/env python3
"""Weir against nginx and HAProxy in the same run, in front of one stub upstream.

Closed loop (wrk) for requests/s and CPU per request, an open loop (h2load at a fixed rate, timed from each
request's start) for added latency, then memory and start-up. Order shuffled every round; every figure is a
ratio within its round, given as min/median/max. Writes build/bench/results.json and the peers' configurations.
Usage: bench/run.py [--rounds N] [--seconds S] [--only CELL] [--tls]: with --only, just the closed-loop cells whose name has it;
with --tls, the closed loop alone with TLS in front of all, one certificate and cipher. Ends only what it started.
"""
import argparse, http.client, json, os, random, re, shutil, socket, ssl, statistics, subprocess, sys, tempfile, time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, 'build', 'release')
OUT = os.path.join(ROOT, 'build', 'bench')
META = ('"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",'
        '"io.modelcontextprotocol/clientCapabilities":{}}')
HEADERS = {'Content-Type': 'application/json', 'Accept': 'application/json, text/event-stream',
           'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call'}
started = []


def free_port():
    # Below the ephemeral range: a connection of an earlier measurement cannot sit on it.
    while True:
        port = random.randrange(10000, 30000)
        with socket.socket() as s:
            try:
                s.bind(('127.0.0.1', port))
                return port
            except OSError:
                continue


def start(args, **more):
    p = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=open(os.path.join(OUT, 'stderr.log'), 'a'), **more)
    started.append(p)
    return p


def wait_port(port):
    for _ in range(500):
        try:
            socket.create_connection(('127.0.0.1', port), 1).close()
            return
        except OSError:
            time.sleep(0.01)
    sys.exit(f'nothing listens on {port}')


def family(pid):
    pids = [pid]
    for task in os.listdir(f'/proc/{pid}/task'):
        with open(f'/proc/{pid}/task/{task}/children') as f:
            for child in f.read().split():
                pids += family(int(child))
    return pids


def cpu_ns(pid):
    total = 0
    for p in family(pid):
        for task in os.listdir(f'/proc/{p}/task'):
            with open(f'/proc/{p}/task/{task}/schedstat') as f:
                total += int(f.read().split()[0])
    return total


def private_kb(pid):
    total = 0
    for p in family(pid):
        with open(f'/proc/{p}/smaps_rollup') as f:
            total += sum(int(l.split()[1]) for l in f if l.startswith('Private_'))
    return total


def rss_kb(pid):
    with open(f'/proc/{pid}/status') as f:
        return next(int(l.split()[1]) for l in f if l.startswith('VmRSS'))


def write(name, text):
    path = os.path.join(OUT, name)
    with open(path, 'w') as f:
        f.write(text)
    return path


def start_weir(servers, name='weir.yaml', threads=1, tls=None):
    port = free_port()
    listen = {'address': f'127.0.0.1:{port}', 'tls': {'cert': tls, 'key': tls}} if tls else f'127.0.0.1:{port}'
    path = write(name, json.dumps({'threads': threads, 'listen': listen, 'admin': False, 'servers': servers}))
    p = start([os.path.join(BUILD, 'weir'), 'run', path])
    wait_port(port)
    return p, port


def certificate():
    """Certificate and key in one file, as HAProxy wants it."""
    folder = tempfile.mkdtemp(prefix='weir-bench-')
    pem = os.path.join(folder, 'it.pem')
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj',
                    '/CN=localhost', '-keyout', pem + '.key', '-out', pem], check=True, capture_output=True)
    with open(pem, 'a') as f, open(pem + '.key') as key:
        f.write(key.read())
    return pem


def start_peers(stub, tls=None):
    targets = {}
    p, port = start_weir({'stub': {'url': f'http://127.0.0.1:{stub}/mcp'}}, tls=tls)
    targets['weir'] = (p.pid, port)
    port = free_port()
    folder = tempfile.mkdtemp(prefix='weir-bench-')
    path = write('nginx.conf', f'''daemon off; worker_processes 1; pid {folder}/pid; error_log /dev/null crit;
events {{ worker_connections 4096; }}
http {{ access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; client_body_buffer_size 512k; proxy_buffers 16 64k; proxy_buffer_size 64k;
proxy_busy_buffers_size 128k; keepalive_requests 1000000000;
upstream u {{ server 127.0.0.1:{stub}; keepalive 256; keepalive_requests 1000000000; }}
server {{ listen 127.0.0.1:{port}{f" ssl; ssl_certificate {tls}; ssl_certificate_key {tls}; ssl_protocols TLSv1.3" if tls else ""}; location / {{ proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection ""; }} }} }}
''')
    targets['nginx'] = (start(['nginx', '-c', path, '-p', folder]).pid, port)
    for name, size in (('haproxy', ''), ('haproxy tuned', 'tune.bufsize 65536'))[:1 if tls else 2]:
        port = free_port()
        path = write(name.replace(' ', '-') + '.cfg', f'''global
  nbthread 1
  maxconn 4000
  {size}
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  option http-keep-alive
  http-reuse always
frontend f
  bind 127.0.0.1:{port} {f"ssl crt {tls} ssl-min-ver TLSv1.3" if tls else ""}
  default_backend b
backend b
  server s 127.0.0.1:{stub}
''')
        targets[name] = (start(['haproxy', '-f', path, '-db']).pid, port)
    for _, port in targets.values():
        wait_port(port)
    return targets


def wrk(port, connections, seconds, tool, scheme, closing):
    env = dict(os.environ, TOOL=tool, **({'CLOSE': '1'} if closing else {}))
    text = subprocess.run(['wrk', '-t1', f'-c{connections}', f'-d{seconds}s', '-s', os.path.join(ROOT, 'bench', 'call.lua'),
                           f'{scheme}://127.0.0.1:{port}/mcp'], capture_output=True, text=True, env=env).stdout
    if 'Non-2xx' in text or 'Socket errors' in text:
        return None
    return int(re.search(r'(\d+) requests in', text).group(1)), float(re.search(r'Requests/sec:\s*([\d.]+)', text).group(1))


def check(port, tool, least, tls):
    """Answers the call; with TLS, says by which version and cipher."""
    body = '{"jsonrpc":"2.0","id":77,"method":"tools/call","params":{"name":"%s","arguments":{},%s}}' % (tool, META)
    c = http.client.HTTPConnection('127.0.0.1', port, timeout=10)
    if tls:
        c = http.client.HTTPSConnection('127.0.0.1', port, timeout=10, context=ssl._create_unverified_context())
    c.request('POST', '/mcp', body, dict(HEADERS, **{'Mcp-Name': tool}))
    cipher = c.sock.cipher()[:2] if tls else None
    answer = json.loads(c.getresponse().read())
    if answer['id'] != 77 or len(json.dumps(answer)) < least:
        sys.exit(f'port {port} answered wrongly: {str(answer)[:200]}')
    return cipher


CELLS = [('64 connections, 250/600 B', 64, 'echo', 500), ('256 connections, 250/600 B', 256, 'echo', 500),
         ('64 connections, 16 KB answers', 64, 'k16', 16000), ('64 connections, 256 KB answers', 64, 'k256', 256000)]
TLS_CELLS = CELLS + [('64 connections, each for one call', 64, 'echo', 500)]


def closed_loop(targets, rounds, seconds, cells, tls=None):
    raw = []
    for cell, connections, tool, least in cells:
        ciphers = {check(port, tool, least, tls) for _, port in targets.values()}
        if len(ciphers) != 1:
            sys.exit(f'they do not speak alike: {ciphers}')
        for r in range(rounds):
            order = list(targets)
            random.shuffle(order)
            for name in order:
                pid, port = targets[name]
                before = cpu_ns(pid)
                got = wrk(port, connections, seconds, tool, 'https' if tls else 'http', 'each' in cell)
                used = cpu_ns(pid) - before
                row = {'cell': cell, 'round': r, 'target': name, 'failed': got is None}
                if got:
                    row.update(requests=got[0], rps=got[1], cpu_us=used / got[0] / 1000)
                raw.append(row)
    return raw


def ratios(raw, cell, peers, key):
    """To the mean of these peers, in each round."""
    out = []
    for r in sorted({x['round'] for x in raw}):
        at = {x['target']: x for x in raw if x['cell'] == cell and x['round'] == r}
        if any(at[name]['failed'] for name in ('weir', *peers)):
            return None
        out.append(at['weir'][key] / statistics.mean(at[peer][key] for peer in peers))
    return f'{min(out):.2f} / **{statistics.median(out):.2f}** / {max(out):.2f}'


def open_loop(targets, stub, rounds, seconds):
    rows = []
    body = os.path.join(OUT, 'body.json')
    with open(body, 'w') as f:
        f.write('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{},%s}}' % META)
    def latencies(port, rate):
        log = os.path.join(OUT, 'h2load.log')
        if os.path.exists(log):
            os.remove(log)
        clients = 50
        args = ['h2load', '--h1', '-c', str(clients), f'--rps={rate // clients}', '-D', str(seconds), '-d', body, f'--log-file={log}']
        for k, v in dict(HEADERS, **{'Mcp-Name': 'echo'}).items():
            args += ['-H', f'{k}: {v}']
        subprocess.run(args + [f'http://127.0.0.1:{port}/mcp'], capture_output=True)
        with open(log) as f:
            us = sorted(int(l.split('\t')[2]) for l in f)
        return us[len(us) // 2], us[len(us) * 99 // 100], len(us)
    for rate in (1000, 5000):
        for r in range(rounds):
            pair = [('direct', stub), ('weir', targets['weir'][1])]
            random.shuffle(pair)
            got = {name: latencies(port, rate) for name, port in pair}
            rows.append({'rate': rate, 'round': r, 'added_p50_us': got['weir'][0] - got['direct'][0],
                         'added_p99_us': got['weir'][1] - got['direct'][1], 'requests': got['weir'][2]})
    return rows


def list_tools(port):
    c = http.client.HTTPConnection('127.0.0.1', port, timeout=10)
    body = '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{%s}}' % META
    c.request('POST', '/mcp', body, dict(HEADERS, **{'Mcp-Method': 'tools/list'}))
    return len(json.loads(c.getresponse().read())['result']['tools'])


def memory(stub):
    rows = {}
    many = start([os.path.join(BUILD, 'bench_stub_server'), '0', '12'])
    many_port = int(many.stdout.readline())
    p, port = start_weir({}, 'empty.yaml')
    time.sleep(0.3)
    rows['at rest, no upstream (RSS, KB)'] = rss_kb(p.pid)
    p.kill()
    p, port = start_weir({'stub': {'url': f'http://127.0.0.1:{stub}/mcp'}}, 'idle.yaml')
    body = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{},%s}}' % META
    head = 'POST /mcp HTTP/1.1\r\nHost: localhost\r\n' + ''.join(f'{k}: {v}\r\n' for k, v in dict(HEADERS, **{'Mcp-Name': 'echo'}).items())
    request = (head + f'Content-Length: {len(body)}\r\n\r\n' + body).encode()
    def connect(count, where):
        out = []
        for _ in range(count):
            s = socket.create_connection(('127.0.0.1', where))
            s.sendall(request)
            got = b''
            while b'\r\n\r\n' not in got or b'isError' not in got:
                got += s.recv(65536)
            out.append(s)
        return out
    held = connect(50, port)
    time.sleep(2.5)
    before = private_kb(p.pid)
    held += connect(1000, port)
    time.sleep(2.5)
    rows['an idle client connection after one call (KB)'] = round((private_kb(p.pid) - before) / 1000, 2)
    for s in held:
        s.close()
    p.kill()
    servers = {f's{i}': {'url': f'http://127.0.0.1:{many_port}/mcp'} for i in range(50)}
    p, port = start_weir(servers, 'fifty.yaml', threads=2)
    time.sleep(1)
    request = request.replace(b'"name":"echo"', b'"name":"s7__echo"').replace(b'Mcp-Name: echo', b'Mcp-Name: s7__echo')
    request = request.replace(f'Content-Length: {len(body)}'.encode(), f'Content-Length: {len(body) + 4}'.encode())
    held = connect(1000, port)
    time.sleep(2)
    tools = list_tools(port)
    rows[f'50 servers, {tools} tools, 1,000 connections (RSS, KB)'] = rss_kb(p.pid)
    for s in held:
        s.close()
    p.kill()
    return rows


def startup():
    times = []
    for _ in range(5):
        port = free_port()
        path = write('demo.yaml', json.dumps({'listen': f'127.0.0.1:{port}', 'admin': False, 'servers': {'demo': {'builtin': 'demo'}}}))
        begun = time.monotonic()
        p = start([os.path.join(BUILD, 'weir'), 'run', path])
        body = '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{%s}}' % META
        while True:
            try:
                c = http.client.HTTPConnection('127.0.0.1', port, timeout=5)
                c.request('POST', '/mcp', body, dict(HEADERS, **{'Mcp-Method': 'tools/list'}))
                if b'echo' in c.getresponse().read():
                    break
            except OSError:
                if p.poll() is not None:
                    sys.exit(f'weir ended at its start with {p.returncode}')
                time.sleep(0.001)
        times.append((time.monotonic() - begun) * 1000)
        p.kill()
    return times


def main():
    options = argparse.ArgumentParser()
    options.add_argument('--rounds', type=int, default=5)
    options.add_argument('--seconds', type=int, default=3)
    options.add_argument('--only', default='')
    options.add_argument('--tls', action='store_true')
    options = options.parse_args()
    os.makedirs(OUT, exist_ok=True)
    stub = start([os.path.join(BUILD, 'bench_stub_server')])
    stub_port = int(stub.stdout.readline())
    try:
        tls = certificate() if options.tls else None
        targets = start_peers(stub_port, tls)
        cells = [cell for cell in (TLS_CELLS if tls else CELLS) if options.only in cell[0]]
        raw = closed_loop(targets, options.rounds, options.seconds, cells, tls)
        if tls:
            version, cipher = check(targets['weir'][1], 'echo', 500, tls)[::-1]
            lines = [f'With TLS in front ({version}, {cipher}, a P-256 certificate). Weir / peer in the same round: min / **median** / max.', '',
                     '| cell | CPU, mean of both | CPU, HAProxy | CPU, nginx | requests/s, mean of both | requests/s, HAProxy | requests/s, nginx |',
                     '| --- | --- | --- | --- | --- | --- | --- |']
            for cell, *_ in cells:
                row = [ratios(raw, cell, peers, key) or 'failed' for key in ('cpu_us', 'rps') for peers in (('haproxy', 'nginx'), ('haproxy',), ('nginx',))]
                lines.append(f'| {cell} | ' + ' | '.join(row) + ' |')
            print('\n'.join(lines))
            write('tls.md', '\n'.join(lines) + '\n')
            return
        lines = ['Weir / peer in the same round: min / **median** / max.', '',
                 '| cell | CPU, HAProxy | CPU, HAProxy tuned | CPU, nginx | requests/s, HAProxy | requests/s, HAProxy tuned | requests/s, nginx |',
                 '| --- | --- | --- | --- | --- | --- | --- |']
        for cell, *_ in cells:
            row = [ratios(raw, cell, (peer,), key) or 'failed' for key in ('cpu_us', 'rps') for peer in ('haproxy', 'haproxy tuned', 'nginx')]
            lines.append(f'| {cell} | ' + ' | '.join(row) + ' |')
        if options.only:
            print('\n'.join(lines))
            return
        latency = open_loop(targets, stub_port, options.rounds, options.seconds)
        lines += ['', '| open loop | added p50 | added p99 (median of rounds) |', '| --- | --- | --- |']
        for rate in (1000, 5000):
            at = [x for x in latency if x['rate'] == rate]
            lines.append(f'| {rate} requests/s | {statistics.median(x["added_p50_us"] for x in at) / 1000:.2f} ms | '
                         f'{statistics.median(x["added_p99_us"] for x in at) / 1000:.2f} ms |')
        rows = memory(stub_port)
        lines += [''] + [f'- {name}: {value}' for name, value in rows.items()]
        times = startup()
        lines.append(f'- from start to the first answer, demo server: median {statistics.median(times):.0f} ms')
        print('\n'.join(lines))
        write('results.json', json.dumps({'closed': raw, 'open': latency, 'memory': rows, 'startup_ms': times}, indent=1))
        write('results.md', '\n'.join(lines) + '\n')
    finally:
        # nginx takes its worker along only if it is asked to end.
        for p in started:
            if p.poll() is None:
                p.terminate()
        for p in started:
            try:
                p.wait(5)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()


main()
