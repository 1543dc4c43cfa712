"""What a shopper sees on a product page: its heading, price, buy button, stock and labelled rows."""
