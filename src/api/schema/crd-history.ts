/**
 * A fingerprint of every form that the CRDs have had, the present one last. How many there are is the CRDs' version: an
 * operator leaves CRDs alone that are newer than its own. To be appended to, never changed; a test says what is missing.
 */
export const crdHistory: readonly string[] = [
  'c1286dc4154cea94',
  '627babd6ef467257',
  '5dd4be3fd43bc126',
  '94b1c534a641a4e8',
  'c69636d70c0c8cff',
  '6e0044cf050b97b7',
  '9495fb18277abed1',
  'e670f4ea34b6ede9',
  'a0816f0743f10849',
  'ad5218fae71c5eb9',
  '2e9f422987241fae',
  '1f803320d56d650f',
  '8a4f68677b1baf73',
  '35bde3c6e3a81326',
  '6598ea6f700a18f7',
  '769d44bccf8e4fee',
  'af93fd91261e3ec7',
];

/** The version of the CRDs that this program has. */
export const crdVersion = crdHistory.length;
