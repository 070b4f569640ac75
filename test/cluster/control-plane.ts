/** Service CIDRs of a cluster, IPv4 first. */
export const serviceCidrs = ['10.96.0.0/16', 'fd00:10:96::/112'];
/** ClusterIP of the `kubernetes` Service: the first of the CIDR. */
export const kubernetesServiceIp = '10.96.0.1';
/** Port of the API server on the nodes' network. */
export const apiServerPort = 6443;
/** What the API server's certificate is valid for. */
export const apiServerNames = [
  'DNS:localhost',
  'DNS:kubernetes',
  'DNS:kubernetes.default',
  'DNS:kubernetes.default.svc',
  'DNS:kubernetes.default.svc.cluster.local',
  'IP:127.0.0.1',
  'IP:172.30.0.2',
  'IP:fd00:172:30::2',
  `IP:${kubernetesServiceIp}`,
];

/** The service account and the pod that a token is for. */
export interface TokenSubject {
  namespace: string;
  serviceAccount: string;
  pod: { name: string; uid: string; nodeName: string };
}

/** An API server of one kind or the other, on loopback of the root namespace. */
export interface ApiServerControl {
  kind: 'kube-apiserver' | 'typescript';
  /** `https://127.0.0.1:<port>`. */
  url: string;
  port: number;
  /** Path of a kubeconfig file that may do everything. */
  kubeconfig: string;
  /** PEM text of the CA. */
  certificateAuthority: string;
  /** A token as a kubelet asks for it: bound to its pod, and naming the pod's node. */
  issueToken(subject: TokenSubject): Promise<string>;
  /** Ends the server, cutting all connections, and starts it again where it was, with what it had stored. */
  restart(): Promise<void>;
  /** Ends it. */
  close(): Promise<void>;
}
