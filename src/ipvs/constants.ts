/** IPVS over generic netlink. Source: linux/ip_vs.h, kernel 6.18; each number has the kernel's name beside it. */

export const familyName = 'IPVS'; // IPVS_GENL_NAME
export const familyVersion = 1; // IPVS_GENL_VERSION

export const command = {
  newService: 1, // IPVS_CMD_NEW_SERVICE
  setService: 2, // IPVS_CMD_SET_SERVICE
  deleteService: 3, // IPVS_CMD_DEL_SERVICE
  getService: 4, // IPVS_CMD_GET_SERVICE
  newDestination: 5, // IPVS_CMD_NEW_DEST
  setDestination: 6, // IPVS_CMD_SET_DEST
  deleteDestination: 7, // IPVS_CMD_DEL_DEST
  getDestination: 8, // IPVS_CMD_GET_DEST
  setConfig: 12, // IPVS_CMD_SET_CONFIG
} as const;

/** Attributes of every command. */
export const commandAttribute = {
  service: 1, // IPVS_CMD_ATTR_SERVICE
  destination: 2, // IPVS_CMD_ATTR_DEST
  tcpTimeout: 4, // IPVS_CMD_ATTR_TIMEOUT_TCP
} as const;

/** Of a virtual server. Numbers are in host byte order, ports and addresses are not. */
export const serviceAttribute = {
  family: 1, // IPVS_SVC_ATTR_AF
  protocol: 2, // IPVS_SVC_ATTR_PROTOCOL
  address: 3, // IPVS_SVC_ATTR_ADDR
  port: 4, // IPVS_SVC_ATTR_PORT
  scheduler: 6, // IPVS_SVC_ATTR_SCHED_NAME
  flags: 7, // IPVS_SVC_ATTR_FLAGS
  timeout: 8, // IPVS_SVC_ATTR_TIMEOUT
  netmask: 9, // IPVS_SVC_ATTR_NETMASK
} as const;

export const destinationAttribute = {
  address: 1, // IPVS_DEST_ATTR_ADDR
  port: 2, // IPVS_DEST_ATTR_PORT
  forwarding: 3, // IPVS_DEST_ATTR_FWD_METHOD
  weight: 4, // IPVS_DEST_ATTR_WEIGHT
  upperThreshold: 5, // IPVS_DEST_ATTR_U_THRESH
  lowerThreshold: 6, // IPVS_DEST_ATTR_L_THRESH
  active: 7, // IPVS_DEST_ATTR_ACTIVE_CONNS
  inactive: 8, // IPVS_DEST_ATTR_INACT_CONNS
  family: 11, // IPVS_DEST_ATTR_ADDR_FAMILY
} as const;

/** IP_VS_CONN_F_MASQ: addresses are translated both ways. */
export const masquerading = 0;
