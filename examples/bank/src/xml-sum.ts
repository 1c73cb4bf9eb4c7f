// The sum over all accounts from the exported XML, by code that shares nothing with MOFO: libxml2 reads and validates, XPath finds the balances.

import { readFileSync } from 'node:fs';
import { XmlDocument, XsdValidator } from 'libxml2-wasm';

/** Validates an export and adds up what its accounts hold. */
export function sumOfXml(file: string, schemaFile: string): { valid: boolean; sum: number; problem: string } {
  const document = XmlDocument.fromBuffer(readFileSync(file));
  const schemaDocument = XmlDocument.fromBuffer(readFileSync(schemaFile));
  const validator = XsdValidator.fromDoc(schemaDocument);
  try {
    let problem = '';
    try {
      validator.validate(document);
    } catch (error) {
      problem = String(error);
    }
    const balances = document.find('//*[@name="balance"]');
    const sum = balances.reduce((total, node) => total + Number(node.content), 0);
    return { valid: problem === '', sum, problem };
  } finally {
    validator.dispose();
    schemaDocument.dispose();
    document.dispose();
  }
}
