/** Bounds that several parts keep; those of a status keep it small on clusters of thousands of nodes. */

/** Longest name of a ProxyConfig: that of a label value. */
export const configNameLength = 63;

/** Most nodes that each list of a ProxyConfig's status names. */
export const maximumNamedNodes = 16;
/** Longest message about one of them. */
export const maximumNodeMessage = 256;

/** Most Service ports that a node names as its busiest. */
export const maximumBusiest = 10;
