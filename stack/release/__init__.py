"""All files for one host, named by the digest of their content, and what a host keeps of them."""
