// Runs a program of ours in the Node that is inside of another program: NODE_OPTIONS has it required first.
const { resolve } = require('node:path')

process.execPath = process.env.KERNELS_NODE
process.argv.splice(0, 3, process.execPath, resolve(process.argv[2]))
require(process.argv[1])
process.exit()
