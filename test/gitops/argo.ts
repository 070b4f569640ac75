import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const file = join(import.meta.dirname, '../../config/argocd/health.yaml');
const key = 'resource.customizations.health.nftproxy.io_ProxyConfig';

/** Argo CD opens the basic library and `table`, and nothing else. */
const sandbox = '{ obj = obj, ipairs = ipairs, pairs = pairs, type = type, tostring = tostring, table = table }';

/**
 * What the script that we ship says of each object. Argo CD has a Lua of its own (gopher-lua) of version 5.1; this is the
 * original.
 */
export function argoHealth(objects: readonly object[]): { status: string; message: string }[] {
  const { data } = parse(readFileSync(file, 'utf8')) as { data: Record<string, string> };
  const program = [
    `local check = function(obj)`,
    `  local script = assert(loadstring(${luaText(data[key] ?? '')}))`,
    `  return setfenv(script, ${sandbox})()`,
    `end`,
    ...objects
      .flatMap((object) => [
        `local health = check(${luaOf(object)})`,
        `print(health.status .. "\\t" .. health.message:gsub("%s", " "))`,
      ])
      .map((line) => (line.startsWith('local') ? `do ${line}` : `${line} end`)),
  ];
  const { stdout, stderr, status, error } = spawnSync('lua5.1', ['-'], { input: program.join('\n'), encoding: 'utf8' });
  if (status !== 0) throw new Error(`lua5.1: ${error?.message ?? stderr}`);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [health = '', message = ''] = line.split('\t');
      return { status: health, message };
    });
}

/** A JSON value as Lua; what is absent or null is nil, as it is to Argo CD's scripts. */
function luaOf(value: unknown): string {
  if (value === undefined || value === null) return 'nil';
  if (typeof value === 'string') return luaText(value);
  if (Array.isArray(value)) return `{ ${value.map(luaOf).join(', ')} }`;
  if (typeof value !== 'object') return JSON.stringify(value);
  const fields = Object.entries(value).map(([name, field]) => `[${luaText(name)}] = ${luaOf(field)}`);
  return `{ ${fields.join(', ')} }`;
}

/** By the bytes: Lua 5.1 knows `\\ddd` and no Unicode. */
function luaText(text: string): string {
  const escaped = [...Buffer.from(text, 'utf8')].map((byte) =>
    byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c
      ? String.fromCharCode(byte)
      : `\\${String(byte).padStart(3, '0')}`,
  );
  return `"${escaped.join('')}"`;
}
