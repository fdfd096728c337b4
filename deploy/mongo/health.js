// mongosh --quiet --norc --nodb health.js: makes the single-member replica set and Frontrow's user if they do
// not exist yet, and fails until this server accepts writes.
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
// Frontrow's own user: rights on one database, and none on the server.
const frontrow = admin.getSiblingDB("frontrow");
if (!frontrow.getUser("frontrow")) {
  frontrow.createUser({
    user: "frontrow",
    pwd: require("fs").readFileSync("/run/secrets/mongo_user_password", "utf8").trim(),
    roles: [{ role: "readWrite", db: "frontrow" }],
  });
}
