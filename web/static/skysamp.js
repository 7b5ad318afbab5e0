// Tables for the programs on the visitor's computer, by SAMP's Web Profile, with DaCHS' samp.js.

export function send(tables) {
  return new Promise((resolve, reject) => {
    const { samp } = window;
    if (!samp) {
      reject(new Error("The script for SAMP did not load."));
      return;
    }
    const connector = new samp.Connector("KM3NeT VO", { "samp.name": "KM3NeT VO", "samp.description.text": "Neutrino events in view" });
    connector.runWithConnection((connection) => {
      const messages = tables.map(({ name, url }) => new samp.Message("table.load.votable", { name, url, "table-id": url }));
      for (const message of messages) connection.notifyAll([message]);
      connector.unregister();
      resolve();
    }, reject);
  });
}
