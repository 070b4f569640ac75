import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import {
  conversionText,
  convert as convertConfiguration,
  fieldName,
  readKubeProxyConfiguration,
} from '../kube-proxy/index.ts';
import { oneOf, parseOptions } from '../runtime/index.ts';

const usage = `Usage: nftproxy convert [--file FILE] [--name NAME] [--ipvs-as MODE]

Writes a ProxyConfig that does what kube-proxy does with its configuration, and what could not be carried over as
comments above it:
  kubectl -n kube-system get configmap kube-proxy -o yaml | nftproxy convert > proxyconfig.yaml

  --file FILE   a KubeProxyConfiguration, or a ConfigMap that holds one (default: standard input)
  --name NAME   metadata.name of the ProxyConfig (default: default)
  --ipvs-as MODE
                what becomes of mode ipvs: ipvs, with its scheduler; or nftables, with the algorithm that comes nearest,
                which needs nothing of the nodes (default: ipvs)
`;

/** `nftproxy convert`. @throws on file errors, on input that is no configuration of kube-proxy's */
export async function convert(args: readonly string[]): Promise<number> {
  const {
    file,
    name,
    'ipvs-as': ipvsAs,
  } = parseOptions(args, usage, {
    file: { type: 'string' },
    name: { type: 'string', default: 'default' },
    'ipvs-as': { type: 'string', default: 'ipvs' },
  });
  const mode = oneOf('--ipvs-as', ipvsAs, ['ipvs', 'nftables']);
  const input = file === undefined ? await readAll(process.stdin) : await readFile(file, 'utf8');
  const conversion = convertConfiguration(readKubeProxyConfiguration(input), name, mode);
  await refuseInvalid(conversion.config);
  process.stdout.write(conversionText(conversion));
  const lost = conversion.notes.filter(({ weight }) => weight === 'lost');
  if (lost.length > 0)
    process.stderr.write(
      `not carried over: ${lost.map(({ field }) => fieldName(field)).join(', ')}; see the comments\n`,
    );
  return 0;
}

/** What kube-proxy would not take either, or what an API server would refuse. */
async function refuseInvalid(config: object): Promise<void> {
  // Loaded here: the classes bring class-validator, which other subcommands do without.
  const { validateProxyConfig } = await import('../api/schema/index.ts');
  const checked = validateProxyConfig(config);
  if (!('errors' in checked)) return;
  throw new Error(checked.errors.map(({ path, message }) => `${path}: ${message}`).join('; '));
}
