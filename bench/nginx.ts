import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.ts';
import { usageOf } from './process-usage.ts';
import type { RunningServer } from './servers.ts';

/* The second floor: a server that is not written in JavaScript sends the same bytes from one process. */

export const HAS_NGINX = spawnSync('nginx', ['-v']).status === 0;

/** A file is not for POST: nginx would refuse it, and sends the file as the page of this error. */
const configure = (folder: string, port: number) => `
daemon off;
master_process off;
worker_processes 1;
pid ${folder}/pid;
error_log ${folder}/error.log;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  default_type application/json;
  keepalive_requests 1000000000;
  open_file_cache max=10;
  sendfile on;
  server {
    listen 127.0.0.1:${port} backlog=2048;
    root ${folder};
    location = /graphql { error_page 405 =200 $uri; }
  }
}
`;

/** Starts nginx with a configuration of its own in a temporary folder. It answers every request with the same bytes. */
export async function startNginx(answer: string): Promise<RunningServer> {
  const folder = await mkdtemp(join(tmpdir(), 'stationmaster-nginx-'));
  const port = await freePort();
  await writeFile(join(folder, 'graphql'), answer);
  await writeFile(join(folder, 'nginx.conf'), configure(folder, port));
  const options = ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')];
  const child = spawn('nginx', options, { stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = once(child, 'exit');
  await Promise.race([
    untilListening(port),
    ended.then(() => {
      throw new Error('nginx did not start.');
    }),
  ]);
  const usage = async () => ({ statements: 0, ...(await usageOf(child.pid!)) });
  return {
    url: `http://127.0.0.1:${port}`,
    usage,
    clear: usage,
    async stop() {
      child.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function untilListening(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isOpen) return;
    await sleep(20);
  }
}
