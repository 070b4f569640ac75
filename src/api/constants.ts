/** Names that several programs must agree on. */

export const group = 'nftproxy.io';
export const version = 'v1alpha1';
export const apiVersion = `${group}/${version}`;

/** Where the operator and its agents are unless they are told otherwise. */
export const defaultNamespace = 'nftproxy-system';

/** Labels of the agents' Pods, and the name of the container in them that is the agent. */
export const agentLabels = { 'app.kubernetes.io/name': 'nftproxy', 'app.kubernetes.io/component': 'agent' } as const;
export const agentContainer = 'agent';

/** kubectl category of both kinds: `kubectl get nftproxy`. */
export const category = 'nftproxy';

export const proxyConfigKind = 'ProxyConfig';
export const proxyConfigPlural = 'proxyconfigs';
export const proxyNodeStateKind = 'ProxyNodeState';
export const proxyNodeStatePlural = 'proxynodestates';

/** Label on a ProxyNodeState: name of the ProxyConfig that its spec came from. */
export const configLabel = `${group}/config`;

/**
 * Label on a Node: `parked` keeps kube-proxy's Pod away from it, `restoring` says that it is waited for. People may look for
 * it; only the operator writes it.
 */
export const kubeProxyLabel = `${group}/kube-proxy`;

/** Annotation on our CRDs: a whole number that grows with each change of their schema; none is 0. */
export const crdVersionAnnotation = `${group}/crd-version`;

/** Field managers of server-side apply: the operator owns ProxyNodeState.spec, a node's agent its status. */
export const operatorFieldManager = 'nftproxy-operator';
export const agentFieldManager = 'nftproxy-agent';

/** Reason of condition Synced, while the operator says Unknown in an agent's place because it hears nothing of it. */
export const agentSilent = 'AgentSilent';
