/** How a field of a protobuf message becomes JSON. */
export interface Field {
  name: string;
  /** 'string', 'number', 'boolean', 'bytes' (base64), 'time', 'intOrString', 'ignored', or the name of a message. */
  type: string;
  container: 'one' | 'list' | 'map';
  /** Whether zero or an empty message says something (a pointer in Go); otherwise it stands for an absent field. */
  optional: boolean;
}

/**
 * The messages that `kubectl create …`, `kubectl auth …` and `kubectl create token` send since 1.32: they are protobuf
 * there, JSON everywhere else. Each field is "NUMBER name type", where [type] is a list, {type} a map of strings to it,
 * and a trailing ? keeps a zero. Facts: the field numbers of the generated.proto files of k8s.io/api.
 */
const table: Record<string, string> = {
  ObjectMeta: `1 name string, 2 generateName string, 3 namespace string, 5 uid string, 6 resourceVersion string,
    7 generation number, 8 creationTimestamp time, 11 labels {string}, 12 annotations {string},
    13 ownerReferences [OwnerReference], 14 finalizers [string]`,
  OwnerReference: `1 kind string, 3 name string, 4 uid string, 5 apiVersion string, 6 controller boolean?,
    7 blockOwnerDeletion boolean?`,
  LabelSelector: `1 matchLabels {string}, 2 matchExpressions [LabelSelectorRequirement]`,
  LabelSelectorRequirement: `1 key string, 2 operator string, 3 values [string]`,
  Namespace: `1 metadata ObjectMeta, 2 spec NamespaceSpec, 3 status ignored`,
  NamespaceSpec: `1 finalizers [string]`,
  ConfigMap: `1 metadata ObjectMeta, 2 data {string}, 3 binaryData {bytes}, 4 immutable boolean?`,
  Secret: `1 metadata ObjectMeta, 2 data {bytes}, 3 type string, 4 stringData {string}, 5 immutable boolean?`,
  ServiceAccount: `1 metadata ObjectMeta, 4 automountServiceAccountToken boolean?`,
  Service: `1 metadata ObjectMeta, 2 spec ServiceSpec, 3 status ignored`,
  ServiceSpec: `1 ports [ServicePort], 2 selector {string}, 3 clusterIP string, 4 type string, 5 externalIPs [string],
    7 sessionAffinity string, 8 loadBalancerIP string, 9 loadBalancerSourceRanges [string], 10 externalName string,
    11 externalTrafficPolicy string, 12 healthCheckNodePort number, 13 publishNotReadyAddresses boolean,
    17 ipFamilyPolicy string, 18 clusterIPs [string], 19 ipFamilies [string],
    20 allocateLoadBalancerNodePorts boolean?, 21 loadBalancerClass string, 22 internalTrafficPolicy string,
    23 trafficDistribution string`,
  ServicePort: `1 name string, 2 protocol string, 3 port number, 4 targetPort intOrString, 5 nodePort number,
    6 appProtocol string`,
  Deployment: `1 metadata ObjectMeta, 2 spec DeploymentSpec, 3 status ignored`,
  DeploymentSpec: `1 replicas number?, 2 selector LabelSelector, 3 template PodTemplateSpec, 4 strategy DeploymentStrategy, 5 minReadySeconds number,
    6 revisionHistoryLimit number?, 7 paused boolean, 9 progressDeadlineSeconds number?`,
  DeploymentStrategy: `1 type string`,
  PodTemplateSpec: `1 metadata ObjectMeta, 2 spec PodSpec`,
  PodSpec: `2 containers [Container], 3 restartPolicy string, 4 terminationGracePeriodSeconds number?,
    6 dnsPolicy string, 7 nodeSelector {string}, 8 serviceAccountName string, 10 nodeName string,
    11 hostNetwork boolean, 19 schedulerName string`,
  Container: `1 name string, 2 image string, 3 command [string], 4 args [string], 5 workingDir string,
    6 ports [ContainerPort], 7 env [EnvVar], 14 imagePullPolicy string`,
  ContainerPort: `1 name string, 2 hostPort number, 3 containerPort number, 4 protocol string, 5 hostIP string`,
  EnvVar: `1 name string, 2 value string`,
  ClusterRole: `1 metadata ObjectMeta, 2 rules [PolicyRule]`,
  Role: `1 metadata ObjectMeta, 2 rules [PolicyRule]`,
  PolicyRule: `1 verbs [string], 2 apiGroups [string], 3 resources [string], 4 resourceNames [string],
    5 nonResourceURLs [string]`,
  ClusterRoleBinding: `1 metadata ObjectMeta, 2 subjects [Subject], 3 roleRef RoleRef`,
  RoleBinding: `1 metadata ObjectMeta, 2 subjects [Subject], 3 roleRef RoleRef`,
  RoleRef: `1 apiGroup string, 2 kind string, 3 name string`,
  Subject: `1 kind string, 2 apiGroup string, 3 name string, 4 namespace string`,
  TokenRequest: `1 metadata ObjectMeta, 2 spec TokenRequestSpec, 3 status ignored`,
  TokenRequestSpec: `1 audiences [string], 3 boundObjectRef BoundObjectReference, 4 expirationSeconds number?`,
  BoundObjectReference: `1 kind string, 2 apiVersion string, 3 name string, 4 uid string`,
  SelfSubjectReview: `1 metadata ObjectMeta, 2 status ignored`,
  SelfSubjectAccessReview: `1 metadata ObjectMeta, 2 spec SelfSubjectAccessReviewSpec, 3 status ignored`,
  SelfSubjectAccessReviewSpec: `1 resourceAttributes ResourceAttributes`,
  ResourceAttributes: `1 namespace string, 2 verb string, 3 group string, 4 version string, 5 resource string,
    6 subresource string, 7 name string`,
  DeleteOptions: `1 gracePeriodSeconds number?, 2 preconditions Preconditions, 3 orphanDependents boolean?,
    4 propagationPolicy string, 5 dryRun [string]`,
  Preconditions: `1 uid string, 2 resourceVersion string`,
};

function parseField(text: string): [number, Field] {
  const [number = '', name = '', written = ''] = text.trim().split(/\s+/);
  const optional = written.endsWith('?');
  const type = written.replace(/[?[\]{}]/g, '');
  const container = written.startsWith('[') ? 'list' : written.startsWith('{') ? 'map' : 'one';
  return [Number(number), { name, type, container, optional }];
}

/** Every known message by its name: the fields by their numbers. */
export const messages: ReadonlyMap<string, ReadonlyMap<number, Field>> = new Map(
  Object.entries(table).map(([name, fields]) => [name, new Map(fields.split(',').map(parseField))]),
);
