// serve.js FOLDER [PORT]: an object store on a port of loopback, with one bucket, "recordings", for the
// key S3RVER. What a private bucket refuses is refused: s3rver checks signatures that are there, this
// file that there is one, and that FOLDER.deny is not there. The port is the first line of its output, each request another, as JSON.
const fs = require('node:fs')
const S3rver = require('@20minutes/s3rver')

const signed = (request) =>
  'authorization' in request.headers || request.url.includes('X-Amz-Signature=')

async function main() {
  const store = new S3rver({
    address: '127.0.0.1',
    port: Number(process.argv[3] || 0),
    directory: process.argv[2],
    silent: true,
    vhostBuckets: false,
    configureBuckets: [{ name: 'recordings', configs: [] }],
  })
  const { port } = await store.run()
  const http = store.httpServer
  const [answer] = http.listeners('request')

  http.removeAllListeners('request')
  http.on('request', (request, response) => {
    console.log(JSON.stringify({
      method: request.method, url: request.url, headers: request.headers,
    }))
    if (signed(request) && !fs.existsSync(process.argv[2] + '.deny')) return answer(request, response)
    response.writeHead(403, { 'Content-Type': 'application/xml' })
    response.end('<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>')
  })
  console.log(port)
}

main()
