// mongosh --quiet --norc --nodb health.js: makes the replica set of one where there is none yet, and
// fails until this server takes writes.
const password = require("fs").readFileSync("/run/secrets/mongo_password", "utf8").trim();
const admin = connect(`mongodb://frontrow:${password}@127.0.0.1:27017/admin?directConnection=true`);
try {
  admin.adminCommand({ replSetGetStatus: 1 });
} catch (error) {
  if (error.codeName !== "NotYetInitialized") throw error;
  admin.adminCommand({
    replSetInitiate: { _id: "frontrow", members: [{ _id: 0, host: "mongo:27017" }] },
  });
}
if (!admin.hello().isWritablePrimary) quit(1);
