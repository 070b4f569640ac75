import { readFile } from 'node:fs/promises';
import { startApiServer } from '../apiserver/index.ts';
import type { ApiServerOptions, ExecInPod } from '../apiserver/index.ts';
import { apiServerNames, serviceCidrs } from './control-plane.ts';
import type { ApiServerControl } from './control-plane.ts';

/**
 * Starts the API server of test/apiserver in this process. Authorization is RBAC, as with the real one.
 * @param exec what kubelets do for `kubectl exec`
 */
export async function startTypescriptApiServer(folder: string, exec: ExecInPod): Promise<ApiServerControl> {
  const options: ApiServerOptions = {
    dataDirectory: folder,
    addresses: apiServerNames.filter((name) => name.startsWith('IP:')).map((name) => name.slice('IP:'.length)),
    serviceCidrs,
    rbac: true,
    exec,
    requestLog: process.env['NFTPROXY_REQUEST_LOG'],
  };
  let server = await startApiServer(options);
  const { url, port, kubeconfig, caFile, store } = server;
  return {
    kind: 'typescript',
    url,
    port,
    kubeconfig,
    certificateAuthority: await readFile(caFile, 'utf8'),
    issueToken: ({ namespace, serviceAccount, pod }) => {
      const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
      const extra = {
        'authentication.kubernetes.io/node-name': [pod.nodeName],
        'authentication.kubernetes.io/pod-name': [pod.name],
      };
      const user = `system:serviceaccount:${namespace}:${serviceAccount}`;
      return Promise.resolve(server.issueToken(user, groups, { extra }));
    },
    async restart() {
      await server.stop();
      server = await startApiServer({ ...options, port, store });
    },
    close: () => server.stop(),
  };
}
