const { createHash } = require("node:crypto");
const { readFileSync } = require("node:fs");
const https = require("node:https");

const [url, ca, file] = process.argv.slice(2);
const agent = new https.Agent({ ca: readFileSync(ca), keepAlive: true });

const ask = (method, path, body) =>
  new Promise((resolve, reject) => {
    const request = https.request(url + path, { method, agent }, (response) => {
      const pieces = [];
      response.on("data", (piece) => pieces.push(piece));
      response.on("error", reject);
      response.on("end", () => {
        if (response.statusCode >= 300) reject(new Error(`${method}: ${response.statusCode}`));
        resolve({ headers: response.headers, content: Buffer.concat(pieces) });
      });
    });
    request.on("error", reject);
    request.end(body);
  });

(async () => {
  const { content } = await ask("GET", "/large");
  console.log(createHash("sha256").update(content).digest("hex"));
  await ask("PUT", "/by-node", readFileSync(file));
  console.log((await ask("HEAD", "/large")).headers["content-length"]);
  agent.destroy();
})();
