class AddDeposit < ActiveRecord::Migration[6.1]
  def change
    add_column :sessions, :deposit, :decimal
  end
end
