import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { startServer } from './started-server.ts';
import { temporaryDirectory } from './temporary.ts';

/** Starts an nginx whose `server` section holds these lines too. Gives its `127.0.0.1:PORT`. */
export async function startNginx(
  test: Pick<TestContext, 'after'>,
  lines: readonly string[],
): Promise<string> {
  const directory = temporaryDirectory(test);
  const file = join(directory, 'nginx.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${join(directory, name)};`,
  );
  return startServer(test, 'nginx', (port) => {
    const config = [
      `daemon off; master_process off; pid ${join(directory, 'pid')}; error_log stderr crit;`,
      'events {}',
      `http { access_log off; ${temporary.join(' ')}`,
      `server { listen 127.0.0.1:${port};`,
      'proxy_set_header Host $http_host;',
      ...lines,
      '} }',
    ];
    writeFileSync(file, `${config.join('\n')}\n`);
    return ['-c', file, '-p', directory, '-e', 'stderr'];
  });
}
