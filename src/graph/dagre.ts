/** The library that lays graphs out. It is put into this file when the package is built, and installed by nobody. */
export { Graph, layout } from '@dagrejs/dagre'
