"""What people see on the page: answers as HTML, and the streams that carry them."""
