// Sends mails with nodemailer: its transport's options and the mails are JSON objects on the command line.
// Prints for each mail a line of JSON: what nodemailer tells of it, or its error.

const nodemailer = require("nodemailer");

async function main([options, ...mails]) {
  const transport = nodemailer.createTransport(JSON.parse(options));
  for (const mail of mails) {
    try {
      const { accepted, rejected, response } = await transport.sendMail(JSON.parse(mail));
      console.log(JSON.stringify({ accepted, rejected, response }));
    } catch ({ code, responseCode, response, rejected }) {
      console.log(JSON.stringify({ code, responseCode, response, rejected }));
    }
  }
  transport.close();
}

main(process.argv.slice(2));
