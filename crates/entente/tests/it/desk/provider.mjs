// A real identity provider for the tests: node-oidc-provider, whose own pages ask for a name and for consent. It listens on this machine only.
// Called with the folder of its module, its port and the desk's address; says "ready" once it answers.
import { createRequire } from "node:module";
const [, , folder, port, desk] = process.argv;
const { default: Provider } = await import(createRequire(folder + "/").resolve("oidc-provider"));
const provider = new Provider(`http://localhost:${port}`, {
  clients: [
    {
      client_id: "desk",
      client_secret: "a secret of the test",
      redirect_uris: [`${desk}/signin/provider/back`],
      grant_types: ["authorization_code"],
      response_types: ["code"],
      token_endpoint_auth_method: "client_secret_basic",
    },
  ],
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  features: { devInteractions: { enabled: true } },
  pkce: { required: () => true },
  cookies: { keys: ["a key of the test"] },
});
provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
