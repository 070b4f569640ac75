import { modes } from '../../../src/api/index.ts';
import type { Mode } from '../../../src/api/index.ts';

/**
 * The data plane that stories with packets run against: the one that `NFTPROXY_TEST_MODE` names, else nftables. `npm test`
 * runs them for every mode that a ProxyConfig may have and this kernel can do.
 */
export const modeUnderTest: Mode = modeOf(process.env['NFTPROXY_TEST_MODE'] ?? 'nftables');

function modeOf(name: string): Mode {
  const found = modes.find((mode) => mode === name);
  if (found === undefined) throw new Error(`NFTPROXY_TEST_MODE is ${JSON.stringify(name)}: use ${modes.join(', ')}`);
  return found;
}

/** Whether the mode keeps what it has in `table inet nftproxy`, which some stories look into. */
export const hasTable = modeUnderTest !== 'iptables';
